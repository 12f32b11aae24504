"""The two small texts that machines of strangers look for."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

#: How long what is said here may be believed.
BELIEVED = timedelta(days=180)


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Ask every search engine to stay out: nothing here is public."""
    return _text("User-agent: *\nDisallow: /\n")


@require_safe
def security(request: HttpRequest) -> HttpResponse:
    """Say whom to tell of a weakness.

    Source: https://www.rfc-editor.org/rfc/rfc9116
    """
    if not settings.SECURITY_CONTACT:
        raise Http404
    until = (timezone.now() + BELIEVED).replace(hour=0, minute=0, second=0)
    return _text(
        f"Contact: {settings.SECURITY_CONTACT}\n"
        f"Expires: {until:%Y-%m-%dT%H:%M:%SZ}\n"
        "Preferred-Languages: de, en\n"
        f"Canonical: {settings.PUBLIC_BASE_URL.rstrip('/')}/.well-known/security.txt\n"
    )


def _text(words: str) -> HttpResponse:
    return HttpResponse(words, content_type="text/plain; charset=utf-8")
