"""Signing in as people do: name, password, and the code of the app."""

from __future__ import annotations

from allauth.mfa.totp.internal.auth import hotp_value, yield_hotp_counters_from_time


def code_of(secret: str) -> str:
    """Return what an authenticator app shows at this moment."""
    counter = next(iter(yield_hotp_counters_from_time()))
    return f"{hotp_value(secret, counter):06}"


def sign_in(window, system, user, *, password: str, secret: str) -> None:
    """Sign somebody in and wait for the overview."""
    window.goto(f"{system.web_url}/admin/")
    window.locator("input[name=login]").fill(user.username)
    window.locator("input[name=password]").fill(password)
    window.keyboard.press("Enter")
    window.locator("input[name=code]").fill(code_of(secret))
    window.keyboard.press("Enter")
    window.get_by_role("heading", name="Übersicht").wait_for()
