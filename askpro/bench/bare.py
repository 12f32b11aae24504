"""Bare Django views, each doing one thing that one of our doors can't do without.

A WSGI application with settings of its own: no middleware but where it is named.
"""

from __future__ import annotations

import os
import time
import uuid

import django
from celery import Celery
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from askpro import settings as product

settings.configure(
    SECRET_KEY="bench",  # noqa: S106
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "django.contrib.sessions",
        "django.contrib.messages",
        "rest_framework",
        "askpro.bench.obvious",
    ],
    MIDDLEWARE=(
        [
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ]
        if os.environ.get("BENCH_USUAL")
        else []
    ),
    DATABASES={
        "default": product.env.db("DATABASE_OWNER_URL") | {"CONN_MAX_AGE": None}
    },
    CACHES={
        "default": product.CACHES["default"]
        | {"BACKEND": "django_redis.cache.RedisCache"}
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
)
django.setup()

from django_redis import get_redis_connection  # noqa: E402

from askpro.bench.obvious.views import ObviousView  # noqa: E402

celery = Celery("bench", broker=product.CELERY_BROKER_URL)
celery.set_default()
celery.conf.task_ignore_result = True
WAIT_S = float(os.environ.get("BENCH_WAIT_S", "0.3"))


def ok(request: HttpRequest) -> HttpResponse:
    """Answer."""
    return HttpResponse(b"ok")


def wait(request: HttpRequest) -> HttpResponse:
    """Wait as long as the provider does."""
    time.sleep(WAIT_S)
    return HttpResponse(b"ok")


def select(request: HttpRequest) -> HttpResponse:
    """Read one row by its key."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT branch_id FROM tenants_phonenumber WHERE number = %s",
            [os.environ["BENCH_NUMBER"]],
        )
        return JsonResponse({"branch": str(cursor.fetchone()[0])})


def round_trip(request: HttpRequest) -> HttpResponse:
    """Have a worker answer, and wait for its word."""
    channel = uuid.uuid4().hex
    pubsub = get_redis_connection("default").pubsub(ignore_subscribe_messages=True)
    pubsub.subscribe(channel)
    pubsub.get_message(timeout=0.2)
    celery.send_task("bench.echo", kwargs={"channel": channel}, queue="live")
    deadline, word = time.monotonic() + 10, None
    while word is None and time.monotonic() < deadline:
        word = pubsub.get_message(timeout=deadline - time.monotonic())
    pubsub.close()
    return HttpResponse(b"ok", status=200 if word else 504)


urlpatterns = [
    path("ok", ok),
    path("wait", wait),
    path("select", select),
    path("round-trip", round_trip),
    path("obvious", ObviousView.as_view()),
]
application = get_wsgi_application()
