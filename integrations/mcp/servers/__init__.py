"""The tool servers; importing this registers their tools."""

from integrations.mcp.servers import appointments, booking, information

__all__ = ["appointments", "booking", "information"]
