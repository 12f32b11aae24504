"""An owner signs in for the first time: password, second factor, and in again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import factories as make
from tests.browser.people import code_of

pytestmark = pytest.mark.proof

PASSWORD = "ein langes Wort mit Zahl 7"


def picture(window, name):
    folder = os.environ.get("ASKPRO_SCREENSHOTS")
    if folder:
        width = window.viewport_size["width"]
        window.screenshot(
            path=Path(folder) / f"sign-in-{name}-{width}.png", full_page=True
        )


def fits(window):
    return window.evaluate(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )


@pytest.mark.parametrize("width", [390, 1440])
def test_an_owner_sets_up_her_second_factor(window, system, salon, width):
    window.set_viewport_size({"width": width, "height": 900})
    owner = make.make_member(company=salon.company, role="desk")
    owner.set_password(PASSWORD)
    owner.is_superuser = True
    owner.save()

    def enter(password):
        window.goto(f"{system.web_url}/admin/")
        picture(window, "password")
        window.locator("input[name=login]").fill(owner.username)
        window.locator("input[name=password]").fill(password)
        window.keyboard.press("Enter")

    enter("falsch")
    window.get_by_role("alert").first.wait_for()
    picture(window, "wrong")
    assert fits(window)
    enter(PASSWORD)
    # The password once more, before a factor is added.
    window.wait_for_url("**/reauthenticate/**")
    picture(window, "again")
    window.locator("input[name=password]").fill(PASSWORD)
    window.keyboard.press("Enter")
    window.locator("#authenticator_secret").wait_for()
    picture(window, "set-up")
    assert fits(window)
    secret = window.locator("#authenticator_secret").input_value()
    window.locator("input[name=code]").fill(code_of(secret))
    window.keyboard.press("Enter")
    window.wait_for_url("**/recovery-codes/**")
    picture(window, "recovery")
    assert fits(window)

    window.goto(f"{system.web_url}/konto/2fa/")
    picture(window, "factors")
    assert fits(window)
    window.goto(f"{system.web_url}/konto/sessions/")
    picture(window, "sessions")
    assert fits(window)
    window.goto(f"{system.web_url}/admin/")
    window.get_by_role("heading", name="Übersicht").wait_for()
