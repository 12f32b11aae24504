"""The content policy holds in a real browser: nothing of ours offends against it."""

from __future__ import annotations

import pytest
from django.test import Client

from tests import factories
from tests.browser.test_admin import _picture

pytestmark = [pytest.mark.django_db, pytest.mark.proof]

#: Pages that show most of what the admin can: lists, forms, pickers, a deletion.
PAGES = (
    "",
    "tenants/branch/",
    "tenants/branch/{branch}/change/",
    "tenants/branch/add/",
    "tenants/branch/{branch}/delete/",
    "tenants/company/",
    "tenants/provideraccount/",
    "tenants/provideraccount/add/",
    "tenants/phonenumber/add/",
    "bookings/call/",
    "bookings/call/{call}/change/",
    "bookings/appointment/",
    "bookings/callback/",
    "bookings/customer/",
    "webhooks/webhooklog/",
    "integrations/toolcall/",
    "integrations/providerrequest/",
    "auth/user/",
    "django_celery_beat/periodictask/",
)
STRICT = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
REPORTS = """
window.__violations = [];
document.addEventListener('securitypolicyviolation', event => window.__violations.push(
  event.effectiveDirective + ' ' + event.blockedURI + ' ' + event.sourceFile
  + ':' + event.lineNumber + ' on ' + location.pathname));
"""


@pytest.fixture
def offences(window):
    """What the browser refused, on whichever page."""
    found: list[str] = []
    window.add_init_script(REPORTS)
    window.on(
        "console",
        lambda said: (
            found.append(said.text) if "Content Security Policy" in said.text else None
        ),
    )
    return found


def signed_in(window, system):
    """Give the browser the session of an operator."""
    operator = factories.make_operator("op@askpro.example")
    client = Client()
    client.force_login(operator)
    (cookie,) = [one for one in client.cookies.values() if "session" in one.key]
    window.context.add_cookies(
        [{"name": cookie.key, "value": cookie.value, "url": system.web_url}]
    )


def policy_of(answer):
    parts = answer.headers["content-security-policy"].split("; ")
    return dict(part.split(" ", 1) for part in parts)


def seen(window):
    return window.evaluate("window.__violations || []")


def test_the_admin_offends_nowhere(window, system, salon, offences):
    call = factories.make_call(branch=salon)
    appointment = factories.make_appointment(branch=salon, call=call)
    factories.make_callback(branch=salon, call=call)
    factories.make_change(appointment=appointment, call=call)
    signed_in(window, system)

    for page in PAGES:
        path = page.format(branch=salon.pk, call=call.pk)
        answer = window.goto(f"{system.web_url}/admin/{path}")
        window.wait_for_load_state("networkidle")
        assert answer.status == 200, path
        assert policy_of(answer) == STRICT | {
            "script-src": "'self' 'unsafe-eval'",
            "style-src": "'self' 'unsafe-inline'",
        }
        assert seen(window) == [], path
    assert offences == []


def test_what_moves_on_an_admin_page_offends_not(window, system, salon, offences):
    signed_in(window, system)
    window.goto(f"{system.web_url}/admin/tenants/branch/")
    window.wait_for_load_state("networkidle")
    for name in ("dark_mode", "light_mode", "computer"):
        for icon in window.get_by_text(name, exact=True).all():
            if icon.is_visible():
                icon.click()
    window.keyboard.press("Control+k")
    window.wait_for_timeout(300)
    window.keyboard.press("Escape")

    window.goto(f"{system.web_url}/admin/tenants/branch/{salon.pk}/change/")
    window.wait_for_load_state("networkidle")
    window.get_by_role("button", name="Sichern", exact=True).click()
    window.get_by_text("erfolgreich geändert").wait_for()

    assert seen(window) == []
    assert offences == []


def test_pages_outside_the_admin_are_strict(window, system, offences):
    answer = window.goto(f"{system.web_url}/nothing-here")
    window.wait_for_load_state("networkidle")

    assert answer.status == 404
    assert policy_of(answer) == STRICT
    assert window.get_by_role("heading", name="Diese Seite gibt es nicht").is_visible()
    _picture(window, "404")
    assert seen(window) == []
    assert offences == []


def test_signing_in_offends_nowhere(window, system, offences):
    answer = window.goto(f"{system.web_url}/admin/")
    window.wait_for_load_state("networkidle")

    assert answer.status == 200
    assert window.locator("input[type=password]").count() == 1
    assert "script-src" in policy_of(answer)
    assert seen(window) == []
    assert offences == []


def test_a_strict_page_runs_nothing_that_was_written_into_it(chromium, system):
    window = chromium.new_page()
    window.add_init_script(REPORTS)
    window.goto(f"{system.web_url}/nothing-here")

    window.evaluate("""() => {
      const script = document.createElement('script');
      script.textContent = 'window.__ran = 1';
      document.body.append(script);
      document.body.setAttribute('style', 'background: red');
      // Later: what the browser's own console evaluates is always allowed to.
      setTimeout(() => { window.__made = new Function('return 1')(); });
    }""")
    window.wait_for_timeout(300)

    refused = {one.split(" ", 1)[0] for one in seen(window)}
    assert {"script-src-elem", "style-src-attr", "script-src"} <= refused
    assert window.evaluate("[window.__ran, window.__made]") == [None, None]
