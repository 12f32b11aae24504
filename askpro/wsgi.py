"""The WSGI application, which starts in production only if everything is fit for it."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "askpro.settings")
application = get_wsgi_application()

from askpro import checks  # noqa: E402 (its models want the apps loaded)

checks.demand()

# The settings have read them. A server copies its environment into every request,
# where whatever shows or logs a request would find them.
for _name in (*checks.SECRETS, *(f"{name}_FILE" for name in checks.SECRETS)):
    os.environ.pop(_name, None)

# What was loaded so far stays: no collection shall look through it in a request.
gc.collect()
gc.freeze()
