"""The tool servers; importing this registers their tools."""

from integrations.mcp.servers import booking, information

__all__ = ["booking", "information"]
