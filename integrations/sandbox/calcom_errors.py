"""Cal.com's refusals: an envelope from its framework, bare ones from its core."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from integrations.sandbox.exchange import Json, Response

_CLASSES = {
    400: ("BadRequestException", "Bad Request"),
    401: ("UnauthorizedException", "Unauthorized"),
    403: ("ForbiddenException", "Forbidden"),
    404: ("NotFoundException", "Not Found"),
    409: ("ConflictException", "Conflict"),
    422: ("UnprocessableEntityException", "Unprocessable Entity"),
}
RATE_HEADERS = ("Limit", "Remaining", "Reset")


class Refusal(Exception):
    """An answer other than success; the path is added where it is sent."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    def response(self, path: str) -> Response:
        """Return it as the framework shows an exception."""
        name, reason = _CLASSES[self.status]
        details = {
            "message": self.message,
            "error": reason,
            "statusCode": self.status,
        }
        return coded(self.status, name, self.message, path, details=details)


class Coded(Refusal):
    """A refusal with a code of its own and no details."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(400, message)
        self.code = code

    def response(self, path: str) -> Response:
        """Return it in the envelope, without details."""
        return coded(self.status, self.code, self.message, path)


class Bare(Refusal):
    """A refusal of the booking core."""

    def response(self, path: str) -> Response:
        """Return it without the envelope."""
        return bare(self.status, self.message)


class Invalid(Refusal):
    """A refusal that lists what is wrong, as most queries are refused."""

    def __init__(self, errors: list[Json]) -> None:
        super().__init__(400, "Bad Request Exception")
        self.errors = errors

    def response(self, path: str) -> Response:
        """Return the list in the envelope's details."""
        details = {"errors": self.errors}
        return coded(400, "BadRequestException", self.message, path, details=details)


def violation(target: Json, name: str, rule: str, text: str) -> Json:
    """Return one member of :class:`Invalid`'s list."""
    found: Json = {"target": target}
    if name in target:
        found["value"] = target[name]
    return found | {"property": name, "children": [], "constraints": {rule: text}}


def coded(
    status: int, code: str, message: str, path: str, *, details: Any = None
) -> Response:
    """Return an error in the envelope."""
    error: Json = {"code": code, "message": message}
    if details is not None:
        error["details"] = details
    body = {"status": "error", "timestamp": moment(), "path": path, "error": error}
    return Response(status, body)


def bare(status: int, message: str) -> Response:
    """Return an error without the envelope."""
    return Response(status, {"statusCode": status, "message": message})


def too_many(path: str, *, limit: int = 120, reset_s: int = 60) -> Response:
    """Return the refusal of a key that asked too often; there is no Retry-After."""
    text = "CustomThrottlerGuard - Too many requests. Please try again later."
    response = coded(429, "ThrottlerException", text, path, details=text)
    response.headers = rate_headers(limit, 0, reset_s)
    return response


def rate_headers(limit: int, remaining: int, reset_s: int) -> dict[str, str]:
    """Return the three headers; the reset is in seconds from now."""
    values = (limit, remaining, reset_s)
    return {
        f"X-RateLimit-{name}-Default": str(value)
        for name, value in zip(RATE_HEADERS, values, strict=True)
    }


def moment(at: datetime | None = None) -> str:
    """Return an instant as Cal.com writes it: UTC, milliseconds, Z."""
    at = (at or datetime.now(UTC)).astimezone(UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
