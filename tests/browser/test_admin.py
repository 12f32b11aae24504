"""A branch is made ready in the admin, at a desk and on a telephone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model

from tenants.models import Branch, Membership
from tenants.scoping import every_company
from tests import factories
from tests.browser import people
from tests.factories import make_second_factor

pytestmark = [pytest.mark.django_db, pytest.mark.proof]

PASSWORD = "ein langes Kennwort"


@pytest.fixture
def unready(salon):
    """The salon's branch without its two ids."""
    with every_company():
        Branch.objects.filter(pk=salon.pk).update(
            calcom_event_type_id=None, retell_agent_id=""
        )
    return salon


@pytest.fixture
def owner(unready):
    """Somebody who owns the salon."""
    user = get_user_model().objects.create_user(
        "inhaberin@salon.example", password=PASSWORD, is_staff=True
    )
    with every_company():
        Membership.objects.create(
            company=unready.company, user=user, role=Membership.Role.OWNER
        )
    return user


def _picture(window, name):
    """Keep what it looks like, where somebody wants to see it."""
    folder = os.environ.get("ASKPRO_SCREENSHOTS")
    if folder:
        width = window.viewport_size["width"]
        path = Path(folder) / f"{name}-{width}.png"
        window.screenshot(path=path, full_page=True)


def _fits(window):
    """Tell whether nothing scrolls sideways."""
    return window.evaluate(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )


def _sign_in(window, system, user):
    secret = make_second_factor(user)
    people.sign_in(window, system, user, password=PASSWORD, secret=secret)


def test_an_owner_fills_the_two_gaps(window, system, unready, owner):
    _sign_in(window, system, owner)
    assert _fits(window)
    _picture(window, "index")

    window.get_by_role("link", name="1 Filiale kann noch keine Anrufe").click()
    badge = window.get_by_text("fehlt:")
    badge.wait_for()
    assert "Cal.com-Event-Type-ID" in badge.inner_text()
    assert "Retell-Agent-ID" in badge.inner_text()
    assert _fits(window)
    _picture(window, "branches")

    window.locator("#result_list").get_by_role("link", name=unready.name).click()
    window.get_by_text("Angaben fehlen").wait_for()
    assert _fits(window)
    _picture(window, "branch")
    window.get_by_label("Cal.com-Event-Type-ID").fill("2026361")
    window.get_by_label("Retell-Agent-ID").fill("agent_of_the_salon")
    window.get_by_role("button", name="Sichern", exact=True).click()

    window.get_by_text("erfolgreich geändert").wait_for()
    window.goto(f"{system.web_url}/admin/tenants/branch/")
    window.locator("#result_list").get_by_text("✓ bereit").wait_for()
    assert window.get_by_text("fehlt:").count() == 0
    _picture(window, "branches-ready")
    window.goto(f"{system.web_url}/admin/")
    window.wait_for_selector("text=Alles läuft")
    with every_company():
        branch = Branch.objects.get(pk=unready.pk)
    assert branch.calcom_event_type_id == 2026361
    assert branch.retell_agent_id == "agent_of_the_salon"


def test_a_call_is_explained(window, system, salon, owner):
    call = factories.make_call(branch=salon)
    appointment = factories.make_appointment(branch=salon, call=call)
    factories.make_change(appointment=appointment, call=call)
    factories.make_tool_call(company=salon.company, call_row_id=call.pk)
    factories.make_callback(branch=salon, call=call)
    _sign_in(window, system, owner)

    window.goto(f"{system.web_url}/admin/bookings/call/{call.pk}/change/")

    window.get_by_text("Verlauf").locator("visible=true").first.wait_for()
    window.get_by_text("Werkzeug", exact=True).first.wait_for()
    assert _fits(window)
    _picture(window, "call")
    window.goto(f"{system.web_url}/admin/bookings/call/")
    window.locator("#result_list").wait_for()
    assert _fits(window)
    _picture(window, "calls")
