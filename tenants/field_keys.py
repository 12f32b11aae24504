"""Stored secrets under a new key: after this the old one may be forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cryptography.fernet import InvalidToken
from django.apps import apps
from django.db import models, transaction
from django.db.models import TextField, Value
from django.db.models.functions import Cast

from tenants import fields
from tenants.fields import EncryptedTextField

BATCH = 500


@dataclass(frozen=True)
class Column:
    """A column of secrets."""

    model: type[models.Model]
    name: str

    def __str__(self) -> str:
        return f"{self.model._meta.db_table}.{self.name}"


@dataclass
class Tally:
    """What was found in a column, and what was done."""

    column: str
    rotated: int = 0
    current: int = 0
    #: None of the keys opens these; they were left alone.
    unreadable: int = 0
    #: Somebody else wrote them in the same moment; another run will see them.
    missed: int = 0


def columns() -> list[Column]:
    """Return every column of secrets, of whichever app."""
    return [
        Column(model, field.attname)
        for model in apps.get_models()
        if model._meta.managed and not model._meta.proxy
        for field in model._meta.local_concrete_fields
        if isinstance(field, EncryptedTextField)
    ]


def rotate(column: Column, *, dry_run: bool = False, batch: int = BATCH) -> Tally:
    """Encrypt a column anew with the first of FIELD_ENCRYPTION_KEYS.

    Each batch is a transaction of its own, and what the first key made already is left
    alone: whoever interrupts it runs it again. Run inside a scope that sees all rows.

    :param dry_run: only count; ``rotated`` tells what would be.
    """
    tally = Tally(str(column))
    last: Any = None
    while True:
        with transaction.atomic():
            rows = _batch(column, last, batch)
            for pk, token in rows:
                _rotate_one(column, pk, token, tally, dry_run=dry_run)
        if len(rows) < batch:
            return tally
        last = rows[-1][0]


def _batch(column: Column, last: Any, batch: int) -> list[tuple[Any, str]]:
    rows = _with_token(column).exclude(token="").order_by("pk")
    if last is not None:
        rows = rows.filter(pk__gt=last)
    return list(rows.values_list("pk", "token")[:batch])


def _with_token(column: Column) -> models.QuerySet[Any]:
    """Return the rows with what really stands in the column."""
    rows: models.QuerySet[Any] = column.model._base_manager.annotate(
        token=Cast(column.name, TextField())
    )
    return rows


def _rotate_one(
    column: Column, pk: Any, token: str, tally: Tally, *, dry_run: bool
) -> None:
    if fields.is_current(token):
        tally.current += 1
        return
    try:
        new = fields.rotated(token)
    except InvalidToken:
        tally.unreadable += 1
        return
    # Only what was read is replaced: a secret entered meanwhile stays.
    same = _with_token(column).filter(pk=pk, token=token)
    value = Value(new, output_field=TextField())
    if dry_run or same.update(**{column.name: value}):
        tally.rotated += 1
    else:
        tally.missed += 1
