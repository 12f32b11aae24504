"""A key is made, copied, rotated and revoked, at a desk and on a telephone."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client

from integrations.sandbox import wire
from tenants.models import ApiKey
from tenants.scoping import every_company
from tests import factories
from tests.browser.test_admin import _fits, _picture

pytestmark = [pytest.mark.django_db, pytest.mark.proof]


@pytest.fixture
def signed_in(window, system, salon):
    """The window of the salon's owner, who signed in before."""
    client = Client()
    client.force_login(factories.make_member(company=salon.company))
    name = settings.SESSION_COOKIE_NAME
    window.context.add_cookies(
        [{"name": name, "value": client.cookies[name].value, "url": system.web_url}]
    )
    host = urlsplit(system.web_url)
    window.context.grant_permissions(
        ["clipboard-read", "clipboard-write"], origin=f"{host.scheme}://{host.netloc}"
    )
    return window


def status(system, plain):
    reply = wire.send(
        "GET",
        f"{system.web_url}/api/webhooks/health",
        headers={"Authorization": f"Bearer {plain}"},
    )
    return reply.status


def test_a_key_is_made_copied_rotated_and_revoked(signed_in, system, salon):
    window = signed_in
    window.goto(f"{system.web_url}/admin/tenants/apikey/")
    window.get_by_text("Noch hat keine Maschine").wait_for()
    assert _fits(window)
    _picture(window, "keys-empty")

    window.goto(f"{system.web_url}/admin/tenants/apikey/add/")
    window.get_by_label("Name", exact=False).first.fill("Überwachung")
    window.get_by_label("webhook:", exact=False).check()
    assert _fits(window)
    _picture(window, "key-add")
    window.get_by_role("button", name="Sichern", exact=True).click()

    window.get_by_text("Kopieren Sie den Schlüssel jetzt").wait_for()
    assert _fits(window)
    _picture(window, "key-shown")
    plain = window.locator("#key").inner_text()
    window.get_by_role("button", name="Schlüssel kopieren").click()
    window.get_by_role("button", name="Kopiert").wait_for()
    assert window.evaluate("navigator.clipboard.readText()") == plain
    assert status(system, plain) == 200

    window.get_by_role("link", name="zu den Schlüsseln").click()
    window.locator("#result_list").get_by_text("aktiv").wait_for()
    assert plain not in window.content()
    assert _fits(window)
    _picture(window, "keys")
    window.locator("#result_list").get_by_role("link", name="Überwachung").click()
    # On a telephone it waits in a menu.
    window.get_by_text("Erneuern").first.wait_for(state="attached")
    assert _fits(window)
    _picture(window, "key")

    with every_company():
        row = ApiKey.objects.get()
    window.goto(f"{system.web_url}/admin/tenants/apikey/{row.pk}/rotate/")
    assert _fits(window)
    _picture(window, "key-rotate")
    window.get_by_role("button", name="Schlüssel erneuern").click()
    window.get_by_text("Kopieren Sie den Schlüssel jetzt").wait_for()
    _picture(window, "key-rotated")
    new = window.locator("#key").inner_text()
    assert {status(system, plain), status(system, new)} == {200}

    window.goto(f"{system.web_url}/admin/tenants/apikey/{row.pk}/revoke/")
    assert _fits(window)
    _picture(window, "key-revoke")
    window.get_by_role("button", name="Schlüssel widerrufen").click()
    window.get_by_text("ist widerrufen").wait_for()
    _picture(window, "keys-revoked")
    with every_company():
        assert ApiKey.objects.exclude(revoked_at=None).get() == row
