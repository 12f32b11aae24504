"""How much a door reads: whoever sends more is told so before anything is read."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpRequest

KIB = 1024
MIB = 1024 * KIB

#: What each door reads at most; the first beginning of a path that fits counts.
MOST_BYTES = (
    ("/healthz", 4 * KIB),
    ("/readyz", 4 * KIB),
    ("/metrics", 4 * KIB),
    ("/api/webhooks/health", 4 * KIB),
    ("/api/mcp/health", 4 * KIB),
    ("/api/mcp/retell/", 5 * MIB),
    ("/api/mcp", 256 * KIB),
    # A call's transcript comes along, with every answer that our tools gave in it.
    ("/api/", 5 * MIB),
    # Name, password and second factor.
    ("/admin/login", 64 * KIB),
    # A long form; nothing is uploaded here yet.
    ("/admin/", 5 * MIB),
    # Signing in and out, and what is asked on the way.
    ("/", 64 * KIB),
)


def most_bytes(path: str) -> int:
    """Return how many bytes a body may have at this path."""
    return next(most for beginning, most in MOST_BYTES if path.startswith(beginning))


def refusal(request: HttpRequest) -> HTTPStatus | None:
    """Return why a body is not read; None where it may be.

    One without a length is none to Django: a signature over it would seem wrong.
    """
    said: str = request.META.get("CONTENT_LENGTH") or ""
    if not said:
        is_chunked = "HTTP_TRANSFER_ENCODING" in request.META
        return HTTPStatus.LENGTH_REQUIRED if is_chunked else None
    if said.isascii() and said.isdigit():
        is_too_much = len(said) > len(str(MIB * MIB)) or (
            int(said) > most_bytes(request.path_info)
        )
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE if is_too_much else None
    return HTTPStatus.BAD_REQUEST
