FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY requirements.lock .
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY manage.py pyproject.toml ./
COPY askpro askpro
COPY tenants tenants
COPY bookings bookings
COPY integrations integrations
COPY webhooks webhooks
COPY templates templates
RUN useradd --system askpro && mkdir var && chown askpro var
USER askpro
EXPOSE 8000
CMD ["python", "manage.py", "web", "--host", "0.0.0.0"]
