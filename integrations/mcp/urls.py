"""The doors of the tools."""

from django.urls import path

from integrations.mcp.views import FunctionView, ToolHealthView

urlpatterns = [
    path("health", ToolHealthView.as_view()),
    path("retell/functions", FunctionView.as_view()),
    path("retell/functions/<str:tool>", FunctionView.as_view()),
    path("retell/<uuid:endpoint>/functions", FunctionView.as_view()),
    path("retell/<uuid:endpoint>/functions/<str:tool>", FunctionView.as_view()),
]
