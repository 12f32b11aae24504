"""The two probe companies: one row of every model each, in no list and no figure.

Their ids are fixed and known to the policies (see ``tenants.rls``), so that whoever
looks across companies does not meet them. A model that is added later gets its row
here without anybody remembering it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.module_loading import autodiscover_modules

from tenants import rls
from tenants.models import Company
from tenants.scoping import PROBES, scope

#: What stands in every text of a probe's rows: whoever sees it elsewhere broke in.
MARKS = ("probe-of-a-7f3c", "probe-of-b-91de")
#: How the names of their people begin.
PEOPLE = "probe-of-the-house-"
_AT = datetime(2030, 1, 7, 9, 0, tzinfo=UTC)

Values = dict[str, Any]

#: What no rule can guess, by model: ``(company id, letter) -> values``.
_special: dict[str, Callable[[UUID, int], Values]] = {}


@dataclass
class Probe:
    """One of the two companies, and its rows by model label."""

    id: UUID
    mark: str
    rows: dict[str, models.Model] = field(default_factory=dict)


@dataclass
class Probes:
    """Who breaks in, and where."""

    mine: Probe
    theirs: Probe


def special(label: str) -> Callable[[Callable[[UUID, int], Values]], Any]:
    """Name the values of a model that can't be guessed from its fields."""

    def keep(values: Callable[[UUID, int], Values]) -> Callable[[UUID, int], Values]:
        _special[label] = values
        return values

    return keep


def walled_models() -> list[type[models.Model]]:
    """Return every model of a company's rows, what is referred to first."""
    found = [
        model
        for model in apps.get_models()
        if not rls.is_global(model._meta.db_table)
        and (model is Company or _has_company(model))
    ]
    done: list[type[models.Model]] = []
    while found:
        ready = [one for one in found if not _needs(one) & set(found) - {one}]
        done += ready
        found = [one for one in found if one not in ready]
    return done


def _has_company(model: type[models.Model]) -> bool:
    return any(one.name == "company" for one in model._meta.concrete_fields)


def _needs(model: type[models.Model]) -> set[type[models.Model]]:
    return {
        one.related_model
        for one in model._meta.concrete_fields
        if isinstance(one, models.ForeignKey)
    }


def furnish() -> Probes:
    """Return the probes; make what is missing, change nothing that is there."""
    autodiscover_modules("isolation")
    made = [_furnished(number) for number in range(len(PROBES))]
    return Probes(*made)


def tidy(made: Probes) -> None:
    """Take away what attempts left in the companies of the probes.

    Named by company: where the wall has a hole, a scope alone would reach further.
    """
    for probe in (made.mine, made.theirs):
        with scope(probe.id):
            for row in reversed(probe.rows.values()):
                if _has_company(type(row)) and not _is_kept(row):
                    rows = type(row)._default_manager.filter(company=probe.id)
                    rows.exclude(pk=row.pk).delete()


def _is_kept(row: models.Model) -> bool:
    return row._meta.db_table in rls.APPEND_ONLY


def _furnished(number: int) -> Probe:
    probe = Probe(PROBES[number], MARKS[number])
    with scope(probe.id):
        for model in walled_models():
            probe.rows[model._meta.label] = _row(model, probe, number)
    return probe


def _row(model: type[models.Model], probe: Probe, number: int) -> models.Model:
    pk = probe.id if model is Company else uuid5(probe.id, model._meta.label)
    if isinstance(model._meta.pk, models.ForeignKey):
        pk = probe.rows[model._meta.pk.related_model._meta.label].pk
    rows = model._default_manager
    found = rows.filter(pk=pk).first()
    if found is not None:
        return found
    values = dict(_values(model, probe))
    if model._meta.label in _special:
        values |= _special[model._meta.label](probe.id, number)
    return rows.create(pk=pk, **values)


def _values(model: type[models.Model], probe: Probe) -> Iterator[tuple[str, Any]]:
    for one in model._meta.concrete_fields:
        if one.primary_key or (one.name == "number" and model is Company):
            continue
        if isinstance(one, models.ForeignKey):
            related = probe.rows.get(one.related_model._meta.label)
            if related is not None:
                yield one.name, related
            continue
        if one.name.startswith("is_"):
            yield one.name, True
        elif not one.null:
            yield one.name, _value(one, probe, model)


def _value(one: Any, probe: Probe, model: type[models.Model]) -> Any:
    """Return a value that fits a column and carries the probe's mark where it can."""
    if one.choices:
        return one.choices[0][0]
    if isinstance(one, ArrayField):
        return [0] * 8
    by_type: list[tuple[type[Any], Any]] = [
        (models.URLField, f"https://{probe.mark}.invalid"),
        (models.EmailField, f"{probe.mark}@probe.invalid"),
        (models.SlugField, probe.mark),
        (models.CharField, probe.mark[: one.max_length]),
        (models.TextField, probe.mark),
        (models.DateTimeField, _AT),
        (models.DateField, _AT.date()),
        (models.BooleanField, False),
        (models.DecimalField, Decimal(1)),
        (models.IntegerField, 1),
        (models.UUIDField, uuid5(probe.id, f"{model._meta.label}.{one.name}")),
        (models.JSONField, one.get_default() if one.has_default() else {}),
        (models.BinaryField, uuid5(probe.id, model._meta.label).bytes * 2),
        (models.GenericIPAddressField, "192.0.2.1"),
    ]
    # What fits none of these needs a special: the insert says so.
    return next((value for kind, value in by_type if isinstance(one, kind)), None)


@special("tenants.PhoneNumber")
def _number(company_id: UUID, letter: int) -> Values:
    # No such number can be dialled: no area code begins with a nought.
    return {"number": f"+4900000000{letter}"}


@special("tenants.Company")
def _company(company_id: UUID, letter: int) -> Values:
    return {"time_zone": "Europe/Berlin", "language": "de", "region": ""}


@special("tenants.Branch")
def _branch(company_id: UUID, letter: int) -> Values:
    return {"time_zone": "", "region": "", "booking_window_days": 60}


@special("tenants.ApiKey")
def _key(company_id: UUID, letter: int) -> Values:
    # The digest of nothing that anybody could show.
    return {"scopes": [], "revoked_at": _AT, "expires_at": _AT + timedelta(days=1)}


@special("tenants.Membership")
def _membership(company_id: UUID, letter: int) -> Values:
    return {"user": person(f"{PEOPLE}{letter}")}


def person(name: str) -> Any:
    """Return somebody who can't sign in by any password."""
    user, is_new = get_user_model().objects.get_or_create(
        username=name, defaults={"is_staff": True}
    )
    if is_new:
        user.set_unusable_password()
        user.save()
    return user
