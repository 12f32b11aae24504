"""The doors of the providers."""

from django.urls import path

from webhooks.views import CalcomWebhookView, RetellWebhookView, WebhookHealthView

urlpatterns = [
    path("health", WebhookHealthView.as_view()),
    path("retell", RetellWebhookView.as_view()),
    path("calcom", CalcomWebhookView.as_view()),
    path("retell/<uuid:endpoint>", RetellWebhookView.as_view()),
    path("calcom/<uuid:endpoint>", CalcomWebhookView.as_view()),
]
