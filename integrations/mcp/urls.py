"""The doors of the tools."""

from django.urls import path

from integrations.mcp.mcp_view import McpView
from integrations.mcp.registry import SERVERS
from integrations.mcp.views import FunctionView, ToolHealthView

urlpatterns = [
    path("", McpView.as_view()),
    *(path(f"{one}", McpView.as_view(server=str(one))) for one in SERVERS),
    *(path(f"{one}/", McpView.as_view(server=str(one))) for one in SERVERS),
    path("health", ToolHealthView.as_view()),
    path("retell/functions", FunctionView.as_view()),
    path("retell/functions/<str:tool>", FunctionView.as_view()),
    path("retell/<uuid:endpoint>/functions", FunctionView.as_view()),
    path("retell/<uuid:endpoint>/functions/<str:tool>", FunctionView.as_view()),
]
