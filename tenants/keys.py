"""The keys that machines show at our doors: made, verified, revoked, rotated.

A key is ``askpro_<live or test>_<id>_<secret>``. It is shown once; what is kept is its
SHA-256: a random secret of 32 bytes needs no slow hash, and a digest can be looked up.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError, models, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from askpro.errors import AskProError
from tenants import resolver
from tenants.memory import Memory
from tenants.models import ApiKey, Branch, Company
from tenants.scoping import scope

#: So long may a revoked key live on in a process that has just seen it.
GOOD_FOR_S = 30.0
BAD_FOR_S = 5.0
MOST_REMEMBERED = 10_000

SECRET_BYTES = 32
FORMAT = re.compile(r"(askpro_(?:live|test)_[0-9a-f]{12})_[0-9a-f]{64}")


class UnknownScope(AskProError):
    """A key needs at least one of the scopes that there are."""


class ForeignBranch(AskProError):
    """The branch belongs to another company."""


class KeyNotActive(AskProError):
    """The key is revoked or has expired: make a new one instead of rotating it."""


class UnknownKey(AskProError):
    """No key begins like this."""


class AlreadyRotated(AskProError):
    """Another key takes its place already: use that one, or revoke it first."""


class State(models.TextChoices):
    """What a key is good for at this moment."""

    ACTIVE = "active", _("active")
    REPLACED = "replaced", _("replaced, valid for a while")
    PAUSED = "paused", _("company or branch inactive")
    EXPIRED = "expired", _("expired")
    REVOKED = "revoked", _("revoked")


@dataclass(frozen=True)
class KeyHolder:
    """Who showed a valid key, and what for it may be used."""

    company_id: UUID
    branch_id: UUID | None
    scopes: frozenset[str]
    key_id: UUID
    prefix: str
    expires_at: datetime | None
    #: Whether MCP answers come as a stream of one event.
    is_streamed: bool = False


#: By digest, never by the key: what lies in memory opens no door.
_good: Memory[KeyHolder] = Memory(most=MOST_REMEMBERED)
_bad: Memory[bool] = Memory(most=MOST_REMEMBERED)


def make(
    company: Company,
    name: str,
    scopes: Iterable[str],
    *,
    branch: Branch | None = None,
    expires_at: datetime | None = None,
    created_by: User | None = None,
    is_streamed: bool = False,
) -> tuple[ApiKey, str]:
    """Make a key; return its row and the key itself, which nobody can tell again.

    :param branch: the only one that the key is for; None for the whole company.
    :param is_streamed: whether MCP answers come as a stream of one event.
    :raises UnknownScope: nothing was stored.
    :raises ForeignBranch: nothing was stored.
    """
    row = ApiKey(
        company=company,
        name=name,
        scopes=list(scopes),
        branch=branch,
        expires_at=expires_at,
        created_by=created_by,
        is_streamed=is_streamed,
    )
    return row, issue(row)


def issue(row: ApiKey) -> str:
    """Give a new row its secret and store it; return the key.

    :raises UnknownScope: nothing was stored.
    :raises ForeignBranch: nothing was stored.
    """
    row.scopes = checked_scopes(row.scopes)
    if row.branch is not None and row.branch.company_id != row.company_id:
        raise ForeignBranch
    environment = "live" if settings.IS_PRODUCTION else "test"
    row.prefix = f"askpro_{environment}_{secrets.token_hex(6)}"
    plain = f"{row.prefix}_{secrets.token_hex(SECRET_BYTES)}"
    row.digest = digest_of(plain)
    with scope(row.company_id):
        row.save(force_insert=True)
    return plain


def checked_scopes(scopes: Iterable[str]) -> list[str]:
    """Return the scopes in the order that they are shown in.

    :raises UnknownScope: there is none, or one that does not exist.
    """
    given = set(scopes)
    known = ApiKey.Scope.values
    if not given or given - set(known):
        raise UnknownScope(f"Choose at least one of: {', '.join(known)}.")
    return [name for name in known if name in given]


def digest_of(plain: str) -> bytes:
    """Return what is kept of a key."""
    return hashlib.sha256(plain.encode()).digest()


def verify(plain: str) -> KeyHolder | None:
    """Return who showed this key; None where it opens nothing.

    A malformed, unknown, expired or revoked key, and one of an inactive company or
    branch, are told by the same None. While PostgreSQL is away, what was true a moment
    ago still verifies; an expiry holds to the second also then.

    :raises OperationalError: PostgreSQL is away and this key was not seen before.
    """
    if FORMAT.fullmatch(plain) is None:
        return None
    digest = digest_of(plain)
    holder = _good.get(digest)
    if holder is None:
        if _bad.get(digest):
            return None
        holder = _look_up(digest)
    if holder is None or not _holds(holder.expires_at):
        return None
    return holder


def _look_up(digest: bytes) -> KeyHolder | None:
    try:
        holder = _read(digest)
    except (OperationalError, InterfaceError):
        holder = _good.stale(digest)
        if holder is None:
            raise
        _good.put(digest, holder, for_s=BAD_FOR_S)
        return holder
    if holder is None:
        _good.forget(digest)
        _bad.put(digest, True, for_s=BAD_FOR_S)
    else:
        _good.put(digest, holder, for_s=GOOD_FOR_S)
    return holder


def _read(digest: bytes) -> KeyHolder | None:
    ids = resolver.key_of_digest(digest)
    if ids is None:
        return None
    with scope(ids.company_id):
        row = with_state().filter(pk=ids.key_id).first()
    if row is None or state_of(row) not in (State.ACTIVE, State.REPLACED):
        return None
    return KeyHolder(
        company_id=ids.company_id,
        branch_id=row.branch_id,
        scopes=frozenset(row.scopes),
        key_id=row.pk,
        prefix=row.prefix,
        expires_at=row.expires_at,
        is_streamed=row.is_streamed,
    )


def state_of(row: ApiKey) -> State:
    """Return what a key is good for at this moment.

    A query that annotates ``is_replaced`` saves one for each row.
    """
    if row.revoked_at is not None:
        return State.REVOKED
    if not _holds(row.expires_at):
        return State.EXPIRED
    if not row.company.is_active or (row.branch and not row.branch.is_active):
        return State.PAUSED
    is_replaced = getattr(row, "is_replaced", None)
    if is_replaced is None:
        is_replaced = row.replaced_by.filter(revoked_at=None).exists()
    return State.REPLACED if is_replaced else State.ACTIVE


def with_state(rows: QuerySet[ApiKey] | None = None) -> QuerySet[ApiKey]:
    """Return keys with all that :func:`state_of` looks at: no query per row."""
    newer = ApiKey.objects.filter(replaces=OuterRef("pk"), revoked_at=None)
    found = ApiKey.objects.all() if rows is None else rows
    return found.select_related("company", "branch").annotate(
        is_replaced=Exists(newer.order_by())
    )


def find(text: str) -> ApiKey:
    """Return the key that an operator names by its prefix.

    :raises UnknownKey: there is none, or more than one.
    """
    whole = FORMAT.fullmatch(text)
    prefix = whole[1] if whole else text.rstrip("_…. ")
    found = resolver.keys_of_prefix(prefix)
    if len(found) != 1:
        raise UnknownKey(
            "No key begins like this: mcp_key_list shows the prefixes of all."
        )
    with scope(found[0].company_id):
        return with_state().get(pk=found[0].key_id)


def _holds(expires_at: datetime | None) -> bool:
    return expires_at is None or timezone.now() < expires_at


def revoke(row: ApiKey) -> bool:
    """End a key for good; False where it had been revoked before.

    This process refuses it at once, others within :data:`GOOD_FOR_S` seconds.
    """
    now = timezone.now()
    with scope(row.company_id):
        mine = ApiKey.objects.filter(pk=row.pk, revoked_at=None)
        is_ours = mine.update(revoked_at=now) == 1
    _good.forget(bytes(row.digest))
    if is_ours:
        row.revoked_at = now
    return is_ours


def rotate(
    row: ApiKey, *, overlap: timedelta, created_by: User | None = None
) -> tuple[ApiKey, str]:
    """Make the key that takes this one's place; return it as :func:`make` does.

    Both hold for ``overlap``, then the old one expires: it never lives longer than it
    would have. The new key has the same scopes, branch and length of life.

    :raises KeyNotActive: nothing was changed.
    :raises AlreadyRotated: nothing was changed; of two who try, one wins.
    """
    with scope(row.company_id), transaction.atomic():
        # The row's lock decides between two who rotate it at once.
        old = ApiKey.objects.select_for_update(of=("self",)).get(pk=row.pk)
        now = timezone.now()
        if old.revoked_at is not None or not _holds(old.expires_at):
            raise KeyNotActive
        if old.replaced_by.filter(revoked_at=None).exists():
            raise AlreadyRotated
        new = ApiKey(
            company_id=old.company_id,
            name=old.name,
            scopes=old.scopes,
            is_streamed=old.is_streamed,
            branch=old.branch,
            expires_at=now + (old.expires_at - old.created_at)
            if old.expires_at
            else None,
            created_by=created_by,
            replaces=old,
        )
        plain = issue(new)
        ends_at = now + overlap
        old.expires_at = min(old.expires_at or ends_at, ends_at)
        old.save(update_fields=["expires_at"])
    _good.forget(bytes(old.digest))
    return new, plain
