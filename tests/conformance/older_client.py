"""What the client of last year sees; run by its own Python, answers in JSON.

Arguments: the address, the key.
"""

import asyncio
import json
import sys

from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client


async def main(url: str, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        streamablehttp_client(url, headers=headers) as (read, write, _),
        ClientSession(read, write) as session,
    ):
        started = await session.initialize()
        listed = await session.list_tools()
        answer = await session.call_tool("list_services", {})
        refused = await session.call_tool("resolve_time", {})
        await session.send_ping()
    print(  # noqa: T201
        json.dumps(
            {
                "version": started.protocolVersion,
                "tools": [tool.name for tool in listed.tools],
                "answer": answer.structuredContent,
                "is_error": [answer.isError, refused.isError],
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
