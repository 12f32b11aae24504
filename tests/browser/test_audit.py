"""The audit trail in a real browser: what changed, who it was, a row's own part."""

from __future__ import annotations

import pytest
from django.test import Client

from askpro import correlation
from askpro.actor import Actor, acting
from tenants.models import Branch
from tenants.scoping import scope
from tests import factories
from tests.browser.test_admin import _fits, _picture

pytestmark = pytest.mark.django_db


def test_an_owner_reads_what_happened(window, system, salon):
    owner = factories.make_member(
        company=salon.company,
        username="petra@salon.example",
        first_name="Petra",
        last_name="Sommer",
    )
    with (
        scope(salon.company_id),
        acting(Actor("person", owner.username, "192.0.2.7")),
        correlation.bound("call_0123456789abcdef"),
    ):
        Branch.objects.update(minimum_notice_min=120, is_active=False)
    client = Client()
    client.force_login(owner)
    session = {"name": "sessionid", "value": client.cookies["sessionid"].value}
    window.context.add_cookies([session | {"url": system.web_url}])

    window.goto(f"{system.web_url}/admin/tenants/auditentry/")
    window.get_by_text("Petra Sommer (Inhaber) hat Filiale").first.wait_for()
    assert _fits(window)
    _picture(window, "audit-list")
    window.locator("#result_list").get_by_role("link").filter(
        has_text="60 → 120"
    ).first.click()
    window.locator("td").filter(has_text="120").first.wait_for()
    assert _fits(window)
    _picture(window, "audit-entry")

    window.goto(f"{system.web_url}/admin/tenants/branch/{salon.pk}/history/")
    window.get_by_text("60 → 120").first.wait_for()
    assert _fits(window)
    _picture(window, "audit-history")
