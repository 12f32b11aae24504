"""Every address of the product."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from askpro import public_files
from askpro.demo.sign_in import sign_in
from askpro.metrics import MetricsView
from integrations.machine_view import HealthView
from integrations.mcp.mcp_view import McpView
from webhooks.traces import TraceView

_demo: list[URLPattern | URLResolver] = [path("admin/sign-in/<str:token>", sign_in)]

urlpatterns: list[URLPattern | URLResolver] = [
    *(_demo if settings.ASKPRO_MODE == "demo" else []),
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("konto/", include("askpro.people.urls")),
    path("api/webhooks/", include("webhooks.urls")),
    # A POST can't follow a redirect to the address with a slash.
    path("api/mcp", McpView.as_view()),
    path("api/mcp/", include("integrations.mcp.urls")),
    path("api/v1/traces/<str:trace_id>", TraceView.as_view()),
    path("robots.txt", public_files.robots),
    path(".well-known/security.txt", public_files.security),
    path("metrics", MetricsView.as_view()),
    path("healthz", HealthView.as_view(asks_database=False)),
    path("readyz", HealthView.as_view()),
]

handler403 = "askpro.missing.forbidden"
handler404 = "askpro.missing.not_found"
