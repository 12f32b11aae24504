"""All settings. Nothing else reads the environment; ``.env.example`` explains it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import environ
from celery.schedules import crontab
from csp import constants as csp
from django.utils.translation import gettext_lazy as _
from redis.backoff import NoBackoff
from redis.retry import Retry

PRODUCT_VERSION = "0.1.0"  # as in pyproject.toml
BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.FileAwareEnv()

# --- what this installation is -------------------------------------------------
ASKPRO_MODE = env.str("ASKPRO_MODE", default="demo")  # demo, test, production
IS_PRODUCTION = ASKPRO_MODE == "production"
DEBUG = False
SECRET_KEY = env.str("SECRET_KEY", default="unsafe: only for checks without a server")
FIELD_ENCRYPTION_KEYS: list[str] = env.list("FIELD_ENCRYPTION_KEYS", default=[])
ALLOWED_HOSTS: list[str] = env.list(
    "ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"]
)
PUBLIC_BASE_URL = env.str("PUBLIC_BASE_URL", default="http://127.0.0.1:8000")
TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)
PAYLOAD_RETENTION_DAYS = env.int("PAYLOAD_RETENTION_DAYS", default=30)
AUDIT_RETENTION_DAYS = env.int("AUDIT_RETENTION_DAYS", default=365)  # 31 at least
KEY_REQUESTS_PER_MINUTE = env.int("KEY_REQUESTS_PER_MINUTE", default=600)
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")  # empty: no figures for anybody
SECURITY_CONTACT = env.str("SECURITY_CONTACT", default="")  # mailto: or https:
REFUSALS_PER_MINUTE = env.int("REFUSALS_PER_MINUTE", default=30)  # from one address

# --- PostgreSQL ------------------------------------------------------------------
DATABASE_POOL_SIZE = env.int("DATABASE_POOL_SIZE", default=16)  # connections a process


def _database(variable: str) -> dict[str, Any]:
    """Return a database whose engine tells each connection whose rows it may see."""
    url: dict[str, Any] = env.db(
        variable, default="postgresql://askpro@localhost/askpro"
    )
    return url | {
        "ENGINE": "tenants.database",
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": True,
        "OPTIONS": {"connect_timeout": 2} | url.get("OPTIONS", {}),
    }


DATABASES: dict[str, dict[str, Any]] = {
    "default": _database("DATABASE_URL"),
    "reader": _database("DATABASE_READER_URL"),
}
DATABASES["default"]["OPTIONS"]["pool"] = {
    "min_size": 0,
    "max_size": DATABASE_POOL_SIZE,
    "timeout": 1.0,  # seconds that a request waits for a connection
    # The default grows its pauses to minutes, and stays away after a restart.
    "reconnect_timeout": 1.0,
}
if env.str("DATABASE_OWNER_URL", default=""):
    DATABASES["owner"] = _database("DATABASE_OWNER_URL")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Redis -----------------------------------------------------------------------
REDIS_URL = env.str("REDIS_URL", default="redis://127.0.0.1:6379/0")
REDIS_TIMEOUT_S = 0.2
CACHES = {
    "default": {
        "BACKEND": "tenants.cache.LastingCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {
            "SOCKET_CONNECT_TIMEOUT": REDIS_TIMEOUT_S,
            "SOCKET_TIMEOUT": REDIS_TIMEOUT_S,
            # The default repeats with pauses, which a caller would hear.
            "CONNECTION_POOL_KWARGS": {"retry": Retry(NoBackoff(), 0)},
        },
    }
}


# --- Celery ----------------------------------------------------------------------
def _broker(url: str) -> str:
    """Return Redis' address as Celery spells one of a UNIX socket."""
    if not url.startswith("unix://"):
        return url
    path, _, query = url.removeprefix("unix://").partition("?")
    return f"redis+socket://{path}?virtual_host={dict(parse_qsl(query)).get('db', 0)}"


CELERY_BROKER_URL = _broker(REDIS_URL)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = "background"
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 0}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_ROUTES = {
    "bookings.attempt": {"queue": "live"},
    "bookings.sweep": {"queue": "live"},
    "webhooks.sweep": {"queue": "live"},
    "webhooks.process": {"queue": "inbox"},
}
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_SCHEDULE = {
    "sweep appointments": {
        "task": "bookings.sweep",
        "schedule": 1.0,
        "options": {"expires": 5, "queue": "live"},
    },
    "sweep deliveries": {
        "task": "webhooks.sweep",
        "schedule": 1.0,
        "options": {"expires": 5, "queue": "live"},
    },
    "try to break in": {
        "task": "tenants.isolation_check",
        "schedule": crontab(hour="3", minute="10"),
        "options": {"expires": 3600, "queue": "background"},
    },
    "ask for missing events": {
        "task": "webhooks.ask_for_missing",
        "schedule": 60.0,
        "options": {"expires": 60, "queue": "background"},
    },
    "poll the providers": {
        "task": "webhooks.poll",
        "schedule": 300.0,
        "options": {"expires": 300, "queue": "background"},
    },
    "forget what was said": {
        "task": "webhooks.expire",
        "schedule": 3600.0,
        "options": {"expires": 3600, "queue": "background"},
    },
}
CELERY_TIMEZONE = "UTC"

# --- providers -------------------------------------------------------------------
# The platform's own accounts; they are rows, which these create or update at start.
RETELL_API_KEY = env.str("RETELL_API_KEY", default="")
RETELL_WEBHOOK_KEYS: list[str] = env.list("RETELL_WEBHOOK_KEYS", default=[])
RETELL_BASE_URL = env.str("RETELL_BASE_URL", default="https://api.retellai.com")
CALCOM_API_KEY = env.str("CALCOM_API_KEY", default="")
CALCOM_WEBHOOK_SECRETS: list[str] = env.list("CALCOM_WEBHOOK_SECRETS", default=[])
CALCOM_BASE_URL = env.str("CALCOM_BASE_URL", default="https://api.cal.com")
CALCOM_READ_TIMEOUT_S = env.float("CALCOM_READ_TIMEOUT_S", default=1.5)
CALCOM_WRITE_TIMEOUT_S = env.float("CALCOM_WRITE_TIMEOUT_S", default=10.0)
CALENDAR_BACKEND = "integrations.calcom.calendar.calendar_of"
MCP_DEBUG = env.bool("MCP_DEBUG", default=False)  # each exchange in the log, masked
TOOL_DEADLINE_S = 1.8  # our part of the two seconds that a caller waits
#: Logs what happens to each delivery, step by step.
WEBHOOK_DEBUG = env.bool("WEBHOOK_DEBUG", default=False)
#: Each says how its deliveries are verified, recognised and handled.
WEBHOOK_PROVIDERS = [
    "webhooks.providers.retell.Retell",
    "webhooks.providers.calcom.Calcom",
]

# --- mail ------------------------------------------------------------------------
vars().update(env.email_url("EMAIL_URL", default="filemail://"))
if EMAIL_BACKEND == "django.core.mail.backends.filebased.EmailBackend":  # type: ignore[name-defined]  # noqa: F821
    EMAIL_FILE_PATH = (env.str("ASKPRO_VAR", default="") or f"{BASE_DIR}/var") + "/mail"
EMAIL_TIMEOUT = 10  # seconds for each step of sending
DEFAULT_FROM_EMAIL = env.str(
    "DEFAULT_FROM_EMAIL", default="AskPro <no-reply@localhost>"
)

# --- Django ----------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",  # leaves the site to ours
    "unfold.contrib.filters",
    "askpro.apps.AskProAdminConfig",
    "askpro",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "rest_framework",
    "django_celery_beat",
    "tenants",
    "bookings",
    "integrations",
    "integrations.sandbox",
    "webhooks",
]
MIDDLEWARE = [
    "askpro.doors.MachineDoorMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "askpro.browsers.HeadersMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    # After it in this list: so its wish is heard before the header is written.
    "askpro.browsers.AdminPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "askpro.browsers.SessionLimitMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "tenants.acting.PersonActsMiddleware",
    "tenants.middleware.StaffScopeMiddleware",
    "askpro.people.middleware.SecondFactorMiddleware",
]
ROOT_URLCONF = "askpro.urls"
WSGI_APPLICATION = "askpro.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "UNAUTHENTICATED_USER": None,
}
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator")
]
# --- signing in ------------------------------------------------------------------
AUTHENTICATION_BACKENDS = ["askpro.people.backends.NameOrAddressBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "admin:index"
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT
ACCOUNT_ADAPTER = "askpro.people.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_SUBJECT_PREFIX = "AskPro: "
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if IS_PRODUCTION else "http"
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "20/m/ip,5/5m/key",
    "change_password": "5/m/user",
    "reset_password": "10/m/ip,3/h/key",
    "reset_password_from_key": "20/m/ip",
    "reauthenticate": "10/m/user",
}
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
ACCOUNT_FORMS = {"reset_password": "askpro.people.names.ForgottenForm"}
PASSWORD_RESET_TIMEOUT = 3 * 24 * 3600  # the letters say so
MFA_ADAPTER = "askpro.people.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = "AskPro"
MFA_TOTP_TOLERANCE = 1  # half a minute: who types slowly, or whose clock is wrong
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not IS_PRODUCTION
LANGUAGE_CODE = "de"
LANGUAGES = [("de", _("German")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "askpro" / "locale"]
TIME_ZONE = "Europe/Berlin"
USE_TZ = True
STATIC_URL = "static/"
# Served from where the packages have them: nothing to collect first.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage",
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DEFAULT_EXCEPTION_REPORTER = "askpro.debug_pages.Reporter"
DEFAULT_EXCEPTION_REPORTER_FILTER = "askpro.debug_pages.ReporterFilter"

# --- browsers ----------------------------------------------------------------------
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = IS_PRODUCTION
SECURE_HSTS_SECONDS = env.int(
    "HSTS_SECONDS", default=365 * 24 * 3600 if IS_PRODUCTION else 0
)
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("HSTS_INCLUDE_SUBDOMAINS", default=True)
SECURE_HSTS_PRELOAD = env.bool("HSTS_PRELOAD", default=False)
# Browsers' built-in lists are left only after months: the operator's own decision.
SILENCED_SYSTEM_CHECKS = [] if SECURE_HSTS_PRELOAD else ["security.W021"]
if TRUSTED_PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = IS_PRODUCTION
LANGUAGE_COOKIE_SAMESITE = "Lax"
if IS_PRODUCTION:
    # Browsers take these from this very host over TLS alone, from no subdomain.
    SESSION_COOKIE_NAME = "__Host-askpro-session"
    CSRF_COOKIE_NAME = "__Host-askpro-csrf"
# A working day; a browser that nobody touches is signed out sooner.
SESSION_COOKIE_AGE = env.int("SESSION_HOURS", default=12) * 3600
SESSION_IDLE_S = env.int("SESSION_IDLE_MINUTES", default=120) * 60
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [csp.NONE],
        "script-src": [csp.SELF, csp.NONCE],
        "style-src": [csp.SELF],
        "img-src": [csp.SELF, "data:"],
        "font-src": [csp.SELF],
        "connect-src": [csp.SELF],
        "manifest-src": [csp.SELF],
        "form-action": [csp.SELF],
        "frame-ancestors": [csp.NONE],
        "base-uri": [csp.NONE],
    }
}

# --- logs: constant messages, facts as fields, never a name or a number -------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "askpro.logs.formatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "celery": {"level": "WARNING"},
        "kombu": {"level": "WARNING"},
        # It warns of every server that goes away; the callers log what it means.
        "psycopg.pool": {"level": "ERROR"},
    },
}
UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "AskPro",
    "SITE_HEADER": "AskPro",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "ACCOUNT": {
        "navigation": [
            {"title": _("Second factor"), "link": "/konto/2fa/"},
            {"title": _("Sessions"), "link": "/konto/sessions/"},
        ]
    },
}
