"""The audit trail in people's words: who did what to which row, and what it is now.

A trail names rows and people by their ids; their names are looked up when it is read,
within the wall, so that a name is shown as long as its row is there.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.text import Truncator
from django.utils.translation import gettext, gettext_lazy, ngettext

from tenants.audit import Action
from tenants.models import AuditEntry, Membership, ProviderAccount

#: How many changes a sentence names, and how long a value may be in it.
MOST_NAMED = 3
MOST_LETTERS = 60
#: What the names of these rows are made of.
JOINED = {
    "tenants.StaffService": ("staff", "service"),
    "tenants.Membership": ("user",),
    "tenants.ProviderAccount": ("company",),
}
NOTHING = "–"


@dataclass(frozen=True)
class Change:
    """One column's change, as people read it."""

    label: str
    old: str
    new: str
    is_hidden: bool = False

    def __str__(self) -> str:
        if self.is_hidden:
            return self.label
        return f"{self.label} {self.old} → {self.new}"


@cache
def model_of(table: str) -> type[models.Model] | None:
    """Return the model of a table, if it is one of a model."""
    return next((m for m in apps.get_models() if m._meta.db_table == table), None)


class Words:
    """Says what some entries tell; as many queries for one entry as for a page."""

    def __init__(self, entries: Iterable[AuditEntry]) -> None:
        self.entries = list(entries)
        self._rows = self._look_up_rows()
        self._people, self._roles = self._look_up_people()

    # --- names ---------------------------------------------------------------------

    def _look_up_rows(self) -> dict[type[models.Model], dict[str, models.Model]]:
        wanted: dict[type[models.Model], set[str]] = defaultdict(set)
        for entry in self.entries:
            model = model_of(entry.subject)
            if model is None:
                continue
            wanted[model].add(entry.subject_id)
            for column, told in entry.changes.items():
                target = _target(_field(model, column))
                if target is not None and isinstance(told, list):
                    wanted[target].update(str(pk) for pk in told if pk is not None)
        return {model: _by_id(model, ids) for model, ids in wanted.items()}

    def _look_up_people(self) -> tuple[dict[str, Any], dict[tuple[Any, str], str]]:
        names = {e.actor_name for e in self.entries if e.actor == e.Actor.PERSON}
        names.discard("")
        if not names:
            return {}, {}
        people = get_user_model().objects.filter(username__in=names)
        memberships = Membership.objects.filter(
            user__username__in=names,
            company_id__in={entry.company_id for entry in self.entries},
        ).select_related("user")
        roles = {
            (one.company_id, one.user.username): one.get_role_display()
            for one in memberships
        }
        return {person.username: person for person in people}, roles

    # --- who, and what ---------------------------------------------------------------

    def who(self, entry: AuditEntry) -> str:
        """Return who acted, with the role that the person has now."""
        name = entry.actor_name
        if entry.actor == entry.Actor.PERSON:
            person = self._people.get(name)
            role = self._roles.get((entry.company_id, name))
            if role is None and person is not None and person.is_superuser:
                role = gettext("operator")
            full = person.get_full_name() if person else ""
            full = full or name or gettext("somebody")
            return f"{full} ({role})" if role else full
        if entry.actor == entry.Actor.KEY:
            return gettext("The key %(prefix)s…") % {"prefix": name}
        if entry.actor == entry.Actor.PROVIDER:
            return str(dict(ProviderAccount.Provider.choices).get(name, name))
        return f"AskPro ({name})" if name else "AskPro"

    def what(self, entry: AuditEntry) -> str:
        """Return which row it was about."""
        model = model_of(entry.subject)
        if model is None:
            return entry.subject or NOTHING
        row = self._rows[model].get(entry.subject_id)
        name = str(row) if row is not None else _last_name(entry)
        kind = str(model._meta.verbose_name)
        if not name:
            return f"{kind} {entry.subject_id[:8]}…" if entry.subject_id else kind
        return gettext("%(kind)s “%(name)s”") % {"kind": kind, "name": name}

    def link(self, entry: AuditEntry, request: HttpRequest) -> str | None:
        """Return the address of the row's page, where this person may open it."""
        model = model_of(entry.subject)
        row = self._rows[model].get(entry.subject_id) if model else None
        page = admin.site._registry.get(model) if model else None
        if model is None or row is None or page is None:
            return None
        if not page.has_view_permission(request, row):
            return None
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
        return reverse(name, args=[entry.subject_id])

    # --- what changed ----------------------------------------------------------------

    def changes(self, entry: AuditEntry) -> list[Change]:
        """Return what changed, column by column, in the order of the form."""
        model = model_of(entry.subject)
        fields = (
            [field.column for field in model._meta.concrete_fields] if model else []
        )
        order = {column: position for position, column in enumerate(fields)}
        told = sorted(entry.changes.items(), key=lambda one: order.get(one[0], 999))
        return [self._change(model, column, values) for column, values in told]

    def _change(self, model: Any, column: str, told: Any) -> Change:
        field = _field(model, column)
        label = str(getattr(field, "verbose_name", _LABELS.get(column, column)))
        if not isinstance(told, list) or len(told) != 2:
            hidden = gettext("not kept")
            return Change(label, hidden, hidden, is_hidden=True)
        old, new = (self._value(field, value) for value in told)
        return Change(label, old, new)

    def _value(self, field: Any, value: Any) -> str:
        if value is None or value in ("", [], {}):
            return NOTHING
        if isinstance(value, bool):
            return gettext("yes") if value else gettext("no")
        target = _target(field)
        if target is not None:
            row = self._rows.get(target, {}).get(str(value))
            return str(row) if row is not None else f"{str(value)[:8]}…"
        if isinstance(field, models.DateTimeField) and isinstance(value, str):
            at = parse_datetime(value)
            if at is not None:
                return date_format(timezone.localtime(at), "SHORT_DATETIME_FORMAT")
        if choices := dict(getattr(field, "flatchoices", ())):
            return str(choices.get(value, value))
        if isinstance(value, list | dict):
            return json.dumps(value, ensure_ascii=False)
        return str(value)

    # --- the sentence ----------------------------------------------------------------

    def sentence(self, entry: AuditEntry) -> str:
        """Return the whole entry as one sentence."""
        if entry.action == Action.SIGN_IN_FAILED and not entry.actor_name:
            return gettext("Somebody tried to sign in with a name that nobody has.")
        template = str(_templates().get(entry.action, "%(who)s: %(what)s"))
        if entry.action == Action.SIGN_IN_FAILED and entry.changes:
            template = gettext("The second factor of %(who)s was wrong.")
        if entry.action == Action.SECOND_FACTOR and "reason" in entry.changes:
            template = gettext(
                "%(who)s reset the second factor of %(what)s: %(changes)s"
            )
        return template % {
            "who": self.who(entry),
            "what": self.what(entry),
            "changes": self._named(entry),
        }

    def _named(self, entry: AuditEntry) -> str:
        changes = self.changes(entry)
        named = [
            Truncator(str(c)).chars(2 * MOST_LETTERS) for c in changes[:MOST_NAMED]
        ]
        text = ", ".join(named)
        if left := len(changes) - len(named):
            more = ngettext("and %(count)d more", "and %(count)d more", left)
            text = f"{text} {more % {'count': left}}"
        return text or NOTHING


#: What is no column of a row, and told all the same.
_LABELS: dict[str, Any] = {
    "factors": gettext_lazy("factors"),
    "reason": gettext_lazy("reason"),
    "totp": gettext_lazy("authenticator app"),
    "webauthn": gettext_lazy("security key"),
    "recovery_codes": gettext_lazy("recovery codes"),
}


def _templates() -> dict[str, str]:
    return {
        Action.ADDED: gettext("%(who)s added %(what)s."),
        Action.CHANGED: gettext("%(who)s changed %(what)s: %(changes)s"),
        Action.DELETED: gettext("%(who)s deleted %(what)s."),
        Action.SIGNED_IN: gettext("%(who)s signed in."),
        Action.SIGN_IN_FAILED: gettext("%(who)s could not sign in."),
        Action.SIGNED_OUT: gettext("%(who)s signed out."),
        Action.PASSWORD: gettext("%(who)s has a new password."),
        Action.SECOND_FACTOR: gettext("%(who)s changed the second factor: %(changes)s"),
        Action.KEY_USED: gettext("%(who)s was used."),
        Action.EXPORTED: gettext("%(who)s exported %(what)s."),
        Action.QUERIED: gettext("%(who)s asked by SQL."),
        Action.READ: gettext("%(who)s read %(what)s."),
    }


def _by_id(model: type[models.Model], ids: set[str]) -> dict[str, models.Model]:
    """Return the rows that are still there and may be seen, by id as text."""
    joined = JOINED.get(model._meta.label, ())
    rows = model._default_manager.select_related(*joined)
    valid = set()
    for pk in ids:
        # What is no id of such a row names nobody: "unknown:…".
        with suppress(ValidationError):
            valid.add(model._meta.pk.to_python(pk))
    return {str(pk): row for pk, row in rows.in_bulk(valid).items()}


def _field(model: type[models.Model] | None, column: str) -> Any:
    if model is None:
        return None
    try:
        return model._meta.get_field(column.removesuffix("_id"))
    except FieldDoesNotExist:
        named = (f for f in model._meta.concrete_fields if f.column == column)
        return next(named, None)


def _target(field: Any) -> type[models.Model] | None:
    if not isinstance(field, models.ForeignKey):
        return None
    target: type[models.Model] = field.remote_field.model
    return target


def _last_name(entry: AuditEntry) -> str:
    """Return the name that a row had when it was written about."""
    for column in ("name", "number", "slug", "prefix"):
        told = entry.changes.get(column)
        if isinstance(told, list) and (name := told[-1] or told[0]):
            return str(name)
    return ""
