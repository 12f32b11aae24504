"""The doors of the providers, one for each that the settings name."""

from django.urls import URLPattern, path

from webhooks import providers
from webhooks.views import WebhookHealthView, view_of

urlpatterns: list[URLPattern] = [path("health", WebhookHealthView.as_view())]
for _provider in providers.every().values():
    _view = view_of(_provider).as_view()
    urlpatterns += [
        path(_provider.name, _view),
        path(f"{_provider.name}/<uuid:endpoint>", _view),
    ]
