"""Every address of the product."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from webhooks.views import HealthView

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("api/webhooks/", include("webhooks.urls")),
    path("api/mcp/", include("integrations.mcp.urls")),
    path("healthz", HealthView.as_view()),
    path("readyz", HealthView.as_view()),
]
