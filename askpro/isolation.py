"""Ways into another company through the pages that people use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib import admin
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_noop

from tenants.isolation import requests, ways
from tenants.isolation.probes import PEOPLE, Probes, person
from tenants.isolation.rows import unchanged
from tenants.isolation.ways import Attempt, way
from tenants.models import Membership
from tenants.scoping import scope

PERSON = f"{PEOPLE}visitor"

ways.EXEMPT["route:konto/*"] = "a person's own sign-in, which is no company's"


@contextmanager
def _signed_in(probes: Probes, role: str) -> Iterator[dict[str, str]]:
    """Sign a person of my company in, who is gone afterwards."""
    user = person(PERSON)
    with scope(probes.mine.id):
        Membership.objects.filter(user=user).delete()
        Membership.objects.create(company_id=probes.mine.id, user=user, role=role)
    # Owners get nowhere without a second factor; nobody knows this one.
    TOTP.activate(user, generate_totp_secret())
    session, headers = requests.session_of(user)
    try:
        yield headers
    finally:
        session.delete()
        with scope(probes.mine.id):
            user.delete()


def _address(name: str, *arguments: Any) -> str:
    try:
        return reverse(name, args=arguments)
    except NoReverseMatch:
        return ""


@way(gettext_noop("pages of the admin"), "route:admin/*", "admin:*")
def by_page(probes: Probes) -> Iterator[Attempt]:
    """Yield lists, rows, forms and searches, asked for by each role."""
    for role in (Membership.Role.OWNER, Membership.Role.READ_ONLY):
        for model in admin.site._registry:
            label = model._meta.label
            theirs = probes.theirs.rows.get(label)
            if theirs is None:
                continue
            yield (
                f"{label} ({role})",
                partial(
                    unchanged, probes.theirs, partial(_refused, probes, role, model)
                ),
            )


def _refused(probes: Probes, role: str, model: Any) -> bool:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    label = model._meta.label
    theirs, mine = probes.theirs.rows[label], probes.mine.rows[label]
    with _signed_in(probes, role) as headers:
        own, _ = requests.ask(
            "GET", _address(f"{name}_change", mine.pk), headers=headers
        )
        lists = [
            requests.ask("GET", path, headers=headers)
            for path in (
                _address(f"{name}_changelist"),
                f"{_address(f'{name}_changelist')}?q={probes.theirs.mark}",
            )
        ]
        rows = [
            requests.ask(method, _address(f"{name}_{page}", theirs.pk), headers=headers)
            for page in ("change", "delete", "history")
            for method in ("GET", "POST")
        ]
    # Where not even the own row opens, nothing was proven.
    may_see = own == 200 or (own == 403 and label in _OWNERS_ONLY)
    told = b"".join(body for _, body in [*lists, *rows])
    is_named = str(theirs.pk).encode() in told.replace(_searched(probes), b"")
    return may_see and not is_named and all(status != 200 for status, _ in rows)


#: Pages that read-only members never see, not even of their own company.
_OWNERS_ONLY = {"tenants.ApiKey", "tenants.AuditEntry", "tenants.Membership"}


def _searched(probes: Probes) -> bytes:
    """What a search page repeats: the words that were searched for."""
    return probes.theirs.mark.encode()
