"""Two companies full of rows; every text of the second is a word that occurs nowhere.

What is to be marked comes from the models, so that a column added later is marked too.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.postgres.fields import ArrayField
from django.db import models

from tenants.models import Company
from tenants.scoping import every_company
from tests import factories as make
from tests.askpro.test_admin import everything

#: Each marker begins so, in small letters.
MARK = "zqbxk"
ADDRESS = "203.0.113.77"
SECRET = f"{MARK}-secret"
APPS = ("tenants", "bookings", "integrations", "webhooks")
#: Text that has a meaning for the code, and why it can't be a marker.
PLAIN = {
    "tenants.Company.time_zone": "must be a zone",
    "tenants.Company.language": "is eight letters, chosen by us",
    "tenants.Branch.time_zone": "must be a zone",
    "tenants.Branch.opening_hours": "must be readable",
    "tenants.ApiKey.scopes": "names of ours",
    "webhooks.WebhookLog.provider": "names of ours",
    "webhooks.WebhookPause.provider": "names of ours",
    "integrations.ProviderRequest.provider": "names of ours",
    "bookings.AppointmentChange.what": "names of ours",
    "bookings.Offer.short_id": "unique within a call",
}
#: Never changed once written: what it tells of marked rows is marked.
APPENDED = {"tenants.AuditEntry"}
TEXTS = (models.CharField, models.TextField)


def walled() -> list[type[models.Model]]:
    """Return the models whose rows belong to a company."""
    found: list[type[models.Model]] = [Company]
    for model in apps.get_models():
        has_company = any(one.name == "company" for one in model._meta.fields)
        if model._meta.app_label in APPS and has_company:
            found.append(model)
    return found


#: Tables that hold a row only for a moment.
FLEETING = {"integrations.SqlTicket"}


@dataclass
class World:
    """Company A, company B, and what of B nobody of A may ever meet."""

    ours: Company
    theirs: Company
    rows: dict[str, list[models.Model]] = field(default_factory=dict)
    marks: dict[str, list[str]] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)

    def found_in(self, told: str, *, sent: str = "") -> list[str]:
        """Return what of B occurs in an answer, beside what the question held."""
        text = told.lower().replace(sent.lower(), "") if sent else told.lower()
        needles = {MARK, ADDRESS, *self.ids} - ({sent.lower()} if sent else set())
        return sorted(one for one in needles if one in text)


def make_world() -> World:
    """Return both companies."""
    ours, theirs = make.make_company("salon"), make.make_company("fremd")
    everything(ours)
    everything(theirs, secret=SECRET)
    make.make_member(company=theirs, role="owner")
    world = World(ours, theirs)
    with every_company():
        _mark(world)
        theirs.refresh_from_db()
    return world


def of_company(model: type[models.Model], company: Company) -> list[models.Model]:
    """Return the rows of a company."""
    column = "pk" if model is Company else "company_id"
    rows = model._default_manager.filter(**{column: company.pk})
    with every_company():
        return list(rows.order_by("pk"))


def dump(company: Company) -> dict[str, list[dict[str, Any]]]:
    """Return everything that is stored of a company and its people."""
    told = {}
    with every_company():
        for model in walled():
            column = "pk" if model is Company else "company_id"
            rows = model._default_manager.filter(**{column: company.pk})
            told[model._meta.label] = list(rows.order_by("pk").values())
        people = get_user_model().objects.filter(memberships__company=company)
        told["people"] = [dict(one) for one in people.order_by("pk").values()]
    return told


def _mark(world: World) -> None:
    numbers = itertools.count(1)
    for model in walled():
        label = model._meta.label
        rows = of_company(model, world.theirs)
        assert rows or label in FLEETING, f"{label}: everything() makes no row of it"
        if label not in APPENDED:
            for row in rows:
                values = _values(model, numbers)
                # Some rows are append-only for the application: not for the owner.
                model._default_manager.using("owner").filter(pk=row.pk).update(**values)
                world.marks.setdefault(label, []).extend(
                    one for one in values.values() if isinstance(one, str)
                )
        world.rows[label] = of_company(model, world.theirs)
        world.ids.update(_ids(world.rows[label]))
    people = get_user_model().objects.filter(memberships__company=world.theirs)
    for person in list(people):
        name = f"{MARK}{next(numbers):03}p"
        for column in ("username", "email", "first_name", "last_name"):
            setattr(person, column, f"{name}{column[0]}@{MARK}.example")
        person.save()
    world.rows["auth.User"] = list(people)


def _values(model: type[models.Model], numbers: Any) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for one in model._meta.concrete_fields:
        if one.choices or f"{model._meta.label}.{one.name}" in PLAIN:
            continue
        word = f"{MARK}{next(numbers):03}"
        if isinstance(one, models.GenericIPAddressField):
            values[one.name] = ADDRESS
        elif isinstance(one, TEXTS):
            values[one.name] = word
        elif isinstance(one, models.JSONField):
            values[one.name] = [word] if one.get_default() == [] else {word: word}
        elif isinstance(one, ArrayField) and isinstance(one.base_field, TEXTS):
            values[one.name] = [word]
        elif isinstance(one, models.BinaryField) and one.name == "raw":
            values[one.name] = f'{{"{word}": 1}}'.encode()
    return values


def _ids(rows: list[models.Model]) -> set[str]:
    uuids = (
        getattr(row, one.attname)
        for row in rows
        for one in row._meta.concrete_fields
        if isinstance(one, models.UUIDField | models.ForeignKey)
    )
    return {str(one) for one in uuids if one is not None and len(str(one)) == 36}
