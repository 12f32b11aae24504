"""The doors of the tools."""

from django.urls import path

from integrations.mcp.views import FunctionView

urlpatterns = [
    path("retell/functions", FunctionView.as_view()),
    path("retell/functions/<str:tool>", FunctionView.as_view()),
    path("retell/<uuid:endpoint>/functions", FunctionView.as_view()),
    path("retell/<uuid:endpoint>/functions/<str:tool>", FunctionView.as_view()),
]
