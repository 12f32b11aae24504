"""The Model Context Protocol for a server with tools only: messages in, replies out.

No HTTP and no Django. Both eras are served from one address, chosen per request: the
old one begins with a handshake, of which nothing is kept; in the new one each request
says everything itself.

Source: https://modelcontextprotocol.io/specification/2026-07-28
"""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

logger = logging.getLogger(__name__)

Json = dict[str, Any]
#: Returns a header of the request by its name, or None.
Header = Callable[[str], str | None]

NEW = "2026-07-28"
OLD = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
NAMESPACE = "io.modelcontextprotocol/"

PARSE_ERROR, INVALID_REQUEST = -32700, -32600
METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL = -32601, -32602, -32603
HEADER_MISMATCH, UNSUPPORTED_VERSION = -32020, -32022
#: In the new era an error has a status of its own; in the old one always 200.
_STATUS = {
    METHOD_NOT_FOUND: HTTPStatus.NOT_FOUND,
    INVALID_PARAMS: HTTPStatus.BAD_REQUEST,
    HEADER_MISMATCH: HTTPStatus.BAD_REQUEST,
    UNSUPPORTED_VERSION: HTTPStatus.BAD_REQUEST,
}
#: Shared by nobody: the list of tools follows the key.
_CACHING: Json = {"ttlMs": 300_000, "cacheScope": "private"}
MOST_NAME = 80


@dataclass(frozen=True)
class Reply:
    """An HTTP status and the message to send with it; None: an empty body."""

    status: int
    body: Json | None = None


@dataclass(frozen=True)
class Client:
    """Who asks, by its own word: for logs, never for a decision."""

    era: str  # "old" or "new"
    name: str = ""


class Tools(Protocol):
    """What the holder of one key may see and use."""

    def listed(self) -> Sequence[Json]:
        """Return the definitions, sorted by name."""

    def call(self, name: str, arguments: Json, client: Client) -> Json | None:
        """Return the result's fields; None where the key has no such tool."""


class RpcError(Exception):
    """A request that the protocol refuses."""

    def __init__(self, code: int, message: str, data: Json | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.data = code, message, data

    def reply(self, message_id: str | int | None, *, is_new: bool) -> Reply:
        """Return it as an answer to the request of this id."""
        error: Json = {"code": self.code, "message": self.message}
        if self.data is not None:
            error["data"] = self.data
        status = _STATUS.get(self.code, HTTPStatus.OK) if is_new else HTTPStatus.OK
        return Reply(status, {"jsonrpc": "2.0", "id": message_id, "error": error})


def malformed(code: int, message: str) -> Reply:
    """Return the answer to what is no request: nobody's id, status 400."""
    refused = RpcError(code, message).reply(None, is_new=True)
    return Reply(HTTPStatus.BAD_REQUEST, refused.body)


@dataclass(frozen=True)
class Endpoint:
    """A server by its name; it keeps nothing from one request to the next."""

    name: str
    version: str
    instructions: str

    def handle(self, message: Any, header: Header, tools: Tools) -> Reply:
        """Answer one message; never raises, and lets no text of a crash out."""
        if not _is_message(message):
            return malformed(INVALID_REQUEST, "One request or notification, please")
        if "id" not in message:
            return Reply(HTTPStatus.ACCEPTED)
        message_id = message["id"]
        if type(message_id) not in (str, int):
            return malformed(INVALID_REQUEST, "An id is a string or an integer")
        params = _or_empty(message.get("params"))
        is_new = _is_new(params, header)
        try:
            result = self._result(message["method"], params, header, tools, is_new)
        except RpcError as error:
            return error.reply(message_id, is_new=is_new)
        except Exception:
            logger.exception("a request of the protocol failed")
            failed = RpcError(INTERNAL, "Internal error")
            return failed.reply(message_id, is_new=is_new)
        return Reply(
            HTTPStatus.OK, {"jsonrpc": "2.0", "id": message_id, "result": result}
        )

    def _result(
        self, method: str, params: Any, header: Header, tools: Tools, is_new: bool
    ) -> Json:
        if not isinstance(params, dict):
            raise RpcError(INVALID_PARAMS, "params must be an object")
        if not is_new:
            client = Client("old")
            if method == "initialize":
                return self._handshake(params)
            if method == "ping":
                return {}
            return _answer(method, params, tools, client)
        _check(method, params, header)
        client = Client("new", _client_name(params["_meta"]))
        if method == "server/discover":
            answer: Json = {
                "supportedVersions": [NEW],
                "capabilities": {"tools": {}},
                "instructions": self.instructions,
            }
        else:
            answer = _answer(method, params, tools, client)
        if method != "tools/call":
            answer |= _CACHING
        server = {"name": self.name, "version": self.version}
        meta = {f"{NAMESPACE}serverInfo": server}
        return answer | {"resultType": "complete", "_meta": meta}

    def _handshake(self, params: Json) -> Json:
        wanted = params.get("protocolVersion")
        return {
            "protocolVersion": wanted if wanted in OLD else OLD[0],
            "capabilities": {"tools": {"listChanged": False}},
            "serverInfo": {"name": self.name, "version": self.version},
            "instructions": self.instructions,
        }


def _is_message(message: Any) -> bool:
    return (
        isinstance(message, dict)
        and message.get("jsonrpc") == "2.0"
        and isinstance(message.get("method"), str)
    )


def _or_empty(value: Any) -> Any:
    return {} if value is None else value


def _meta_of(params: Any) -> Json:
    meta = params.get("_meta") if isinstance(params, dict) else None
    return meta if isinstance(meta, dict) else {}


def _is_new(params: Any, header: Header) -> bool:
    said = header("MCP-Protocol-Version")
    if said is None:
        return f"{NAMESPACE}protocolVersion" in _meta_of(params)
    return said not in OLD


def _check(method: str, params: Json, header: Header) -> None:
    """Let a request of the new era pass, or refuse it for the first thing amiss."""
    meta = _meta_of(params)
    version = meta.get(f"{NAMESPACE}protocolVersion")
    if not isinstance(version, str):
        raise RpcError(INVALID_PARAMS, f"_meta lacks {NAMESPACE}protocolVersion")
    if not isinstance(meta.get(f"{NAMESPACE}clientCapabilities"), dict):
        raise RpcError(INVALID_PARAMS, f"_meta lacks {NAMESPACE}clientCapabilities")
    expected: Json = {"MCP-Protocol-Version": version, "Mcp-Method": method}
    if method == "tools/call":
        expected["Mcp-Name"] = params.get("name")
    for name, value in expected.items():
        if _unwrapped(header(name)) != value:
            raise RpcError(
                HEADER_MISMATCH, f"Header {name} is missing or differs from the body"
            )
    if version != NEW:
        raise RpcError(
            UNSUPPORTED_VERSION,
            "Unsupported protocol version",
            {"supported": [NEW], "requested": version},
        )


def _unwrapped(value: str | None) -> str | None:
    """Return what a header says; ``=?base64?…?=`` wraps what is not ASCII."""
    if value is None or not (value.startswith("=?base64?") and value.endswith("?=")):
        return value
    try:
        return base64.b64decode(value[9:-2], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _client_name(meta: Json) -> str:
    info = meta.get(f"{NAMESPACE}clientInfo")
    name = info.get("name") if isinstance(info, dict) else None
    return name[:MOST_NAME] if isinstance(name, str) else ""


def _answer(method: str, params: Json, tools: Tools, client: Client) -> Json:
    if method == "tools/list":
        if params.get("cursor") is not None:
            raise RpcError(INVALID_PARAMS, "There is one page: no cursor is ours")
        return {"tools": list(tools.listed())}
    if method != "tools/call":
        raise RpcError(METHOD_NOT_FOUND, "Method not found")
    name, arguments = params.get("name"), _or_empty(params.get("arguments"))
    if not isinstance(name, str) or not isinstance(arguments, dict):
        raise RpcError(INVALID_PARAMS, "A name and an object of arguments, please")
    result = tools.call(name, arguments, client)
    if result is None:
        # The same words for a tool that this key may not see.
        raise RpcError(INVALID_PARAMS, "Unknown tool")
    return result
