"""People's second factors under a new key, like every other stored secret."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken

from tenants import fields
from tenants.field_keys import Tally

COLUMN = "mfa_authenticator.data"
#: What the library encrypts: an app's secret, and what recovery codes are made of.
NAMES = ("secret", "seed")


def rotate(*, dry_run: bool = False) -> Tally:
    """Encrypt what factors are checked with anew, by the first key.

    Without it whoever forgets the old key locks out everybody who has a factor.

    :param dry_run: only count; ``rotated`` tells what would be.
    """
    tally = Tally(COLUMN)
    for pk, data in Authenticator.objects.order_by("pk").values_list("pk", "data"):
        tokens = {name: data[name] for name in NAMES if data.get(name)}
        if tokens:
            _rotate_one(pk, data, tokens, tally, dry_run=dry_run)
    return tally


def _rotate_one(
    pk: int,
    data: dict[str, Any],
    tokens: dict[str, str],
    tally: Tally,
    *,
    dry_run: bool,
) -> None:
    if all(map(fields.is_current, tokens.values())):
        tally.current += 1
        return
    try:
        new = {name: fields.rotated(token) for name, token in tokens.items()}
    except InvalidToken:
        tally.unreadable += 1
        return
    # A code that is used meanwhile changes the row: another run sees it.
    same = Authenticator.objects.filter(pk=pk, data=data)
    if dry_run or same.update(data=data | new):
        tally.rotated += 1
    else:
        tally.missed += 1
