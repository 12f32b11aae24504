"""Who may knock with a key of ours, and how a door demands one."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from contextlib import ExitStack
from math import ceil
from typing import Any, ClassVar, NoReturn
from urllib.parse import unquote_plus

from django.db import DatabaseError, InterfaceError, OperationalError
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.translation import get_language_from_request, gettext
from redis import Redis
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException, AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from askpro.actor import Actor, acting
from tenants import audit, keys, redis, uses
from tenants.addresses import client_ip
from tenants.key_throttle import KeyThrottle
from tenants.keys import KeyHolder
from tenants.memory import Memory
from tenants.scoping import scope

logger = logging.getLogger(__name__)

#: Wherever it stands in an address, it ends up in logs.
_KEY_IN_ADDRESS = re.compile(r"askpro_(live|test)_")
_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)
#: The trail names a key and its address once in this time.
TOLD_FOR_S = 3600

_told: Memory[bool] = Memory(most=10_000)


class KeyRefused(AuthenticationFailed):
    """One answer for a missing, unknown, expired or revoked key: it tells nothing."""

    default_detail = "The key is missing or wrong."


class CannotVerify(APIException):
    """PostgreSQL is away, and this key was not seen a moment ago."""

    status_code = 503
    default_detail = {"status": "down", "detail": "Try again in a moment."}
    wait = 2


class TooMany(APIException):
    """The key asked too often; the answer says when it may ask again."""

    status_code = 429

    def __init__(self, wait_s: float) -> None:
        self.wait = max(1, ceil(wait_s))
        detail = gettext(
            "Too many requests with this key. Try again in %(seconds)d s."
        ) % {"seconds": self.wait}
        super().__init__({"detail": detail, "code": "rate_limited"})


class ApiKeyAuthentication(BaseAuthentication):
    """Verify ``Authorization: Bearer askpro_…``; no other place for a key counts."""

    def authenticate(self, request: Request) -> tuple[None, KeyHolder] | None:
        """Return who showed the key; None where no proof was tried.

        :raises AuthenticationFailed: the key opens nothing, or stands in the address.
        :raises CannotVerify: nobody can tell at the moment.
        """
        if _KEY_IN_ADDRESS.search(unquote_plus(request.META.get("QUERY_STRING", ""))):
            raise AuthenticationFailed(
                "A key never belongs in an address, which ends up in logs: send it as"
                " the header Authorization: Bearer …, and replace this one."
            )
        said: str = request.META.get("HTTP_AUTHORIZATION", "")
        if not said:
            return None
        shown = _BEARER.fullmatch(said.strip())
        if shown is None:
            raise KeyRefused
        try:
            holder = keys.verify(shown[1])
        except (OperationalError, InterfaceError) as error:
            raise CannotVerify from error
        if holder is None:
            raise KeyRefused
        return None, holder

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge. It names no authorization server: there is none."""
        return "Bearer"


class KeyScope(BasePermission):
    """Let in whose key has the scope that the door names."""

    message = "This key has not the scope that this address needs."

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Tell whether the key will do; without any the answer is 401."""
        holder: Any = request.auth
        if holder is None:
            return bool(getattr(view, "is_key_optional", False))
        return getattr(view, "key_scope", None) in holder.scopes


class KeyDoor(APIView):
    """A door that machines open with a key of ours.

    Whatever it does is done in the scope of the key's company, by the key, and counted
    against the key's limit. ``request.auth`` is its :class:`KeyHolder`.
    """

    authentication_classes = [ApiKeyAuthentication]
    permission_classes = [KeyScope]
    throttle_classes: Sequence[type[BaseThrottle]] = [KeyThrottle]
    #: Without this scope a key opens nothing here.
    key_scope: ClassVar[str]
    #: Whether the door has something to say to strangers.
    is_key_optional: ClassVar[bool] = False

    def dispatch(
        self, request: Any, *arguments: Any, **values: Any
    ) -> HttpResponseBase:
        """Answer, and leave the company's scope with the answer."""
        with ExitStack() as self._held:
            return super().dispatch(request, *arguments, **values)

    def initial(self, request: Request, *arguments: Any, **values: Any) -> None:
        """Let nobody in without proof; enter the scope of the key's company."""
        super().initial(request, *arguments, **values)
        holder: Any = request.auth
        if not isinstance(holder, KeyHolder):
            return
        who = Actor("key", holder.prefix, client_ip(request))
        self._held.enter_context(acting(who))
        self._held.enter_context(scope(holder.company_id))
        note_use(holder, who.address)

    def throttled(self, request: Request, wait: float) -> NoReturn:
        """Refuse in the language that the other side asks for."""
        with translation.override(get_language_from_request(request._request)):
            raise TooMany(wait)


def note_use(holder: KeyHolder, address: str | None) -> None:
    """Write down that a key was used, now and then; run as the key's actor.

    The row's last use is written once a minute, by a worker. The audit trail names a
    key and its address once an hour: a machine that asks every second would bury what
    people did there, and what the requests changed names the key by itself. The entry
    is written before the door answers, so that no first use goes unrecorded; all the
    others cost a look into this process' memory.
    """
    uses.note_key(holder.key_id, company_id=holder.company_id, address=address)
    name = redis.company_key(holder.company_id, "key-told", holder.key_id, address)
    if not _told.claim(name, True, for_s=TOLD_FOR_S):
        return

    def is_first(client: Redis) -> bool:
        return bool(client.set(name, b"1", nx=True, ex=TOLD_FOR_S))

    if not redis.ask(is_first, otherwise=True):
        return
    try:
        audit.record(
            audit.Action.KEY_USED,
            company_id=holder.company_id,
            subject="tenants_apikey",
            subject_id=str(holder.key_id),
        )
    except (DatabaseError, InterfaceError):
        # Away for a moment: the next use is written down instead.
        logger.warning("a key's use was not written down")
        _told.forget(name)
        redis.ask(lambda client: client.delete(name), otherwise=0)
