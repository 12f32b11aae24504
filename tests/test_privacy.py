"""Incident G6: no name, number, address, word or key is in any log or message."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import threading
import time
from base64 import b64decode
from contextlib import contextmanager
from urllib.parse import quote, unquote

import redis
import requests

from askpro import embedded
from bookings.models import Appointment, Call
from integrations.models import ToolCall
from integrations.sandbox import wire
from tenants.models import ProviderAccount
from tenants.scoping import every_company, scope
from tests.factories import make_key
from tests.flows.test_book import begin, first_offer, workday
from tests.system import eventually
from tests.webhooks.test_doors import event, post

NAME = "Zacharias Zimtstern"
NUMBER = "+4915799000111"
MAIL = "zacharias.zimtstern@example.com"
SAID = "Meine Allergie heißt Nelkenpfeffer"
PASSWORD = "Muskatnuss-Kennwort-9"
#: How each may be spelled once it passed through codes and forms of words.
PERSONAL = ("zimtstern", "zacharias", "15799000111", "nelkenpfeffer", "muskatnuss")


@contextmanager
def listening():
    """Hear every command that Redis gets: tasks' messages, caches and wake-ups."""
    heard: list[str] = []
    client = redis.Redis.from_url(os.environ["REDIS_URL"])
    ready = threading.Event()

    def listen():
        with client.monitor() as monitor:
            ready.set()
            for command in monitor.listen():
                heard.append(command["command"])
                if "end of the test" in command["command"]:
                    return

    thread = threading.Thread(target=listen)
    thread.start()
    ready.wait(10)
    try:
        yield heard
    finally:
        redis.Redis.from_url(os.environ["REDIS_URL"]).set("test:end", "end of the test")
        thread.join(30)


def a_whole_call(system, salon):
    """Ring, talk, book, be refused by the provider, hang up."""
    caller = begin(system, number=NUMBER)
    caller.says(SAID)
    offer = first_offer(caller)
    wish = {"name": NAME, "email": MAIL, "phone": NUMBER, "confirmed": True}
    booked = caller.tool("create_booking", offer_id=offer["offer_id"], **wish)
    assert booked["code"] == "booked", booked

    words = f"{NAME} {MAIL} {NUMBER} cal_live_geheim"
    for kind, value, body in (
        ("status", 400, {"status": "error", "error": {"message": words}}),
        ("status", 500, {"status": "error", "error": {"message": words}}),
        ("shape", 0, {"status": "success", "data": {"uid": [words], "start": words}}),
        ("shape", 0, {"words": words}),
    ):
        order = {"route": "POST /v2/bookings", "kind": kind, "value": value}
        system.control("POST", "faults", order | {"body": body, "times": 1})
        offer = first_offer(caller, date=workday(ahead=5))
        caller.tool("create_booking", offer_id=offer["offer_id"], **wish)
        system.control("DELETE", "faults")
    caller.tool("get_customer_info", name=NAME, phone=NUMBER)
    caller.tool("request_callback", name=NAME, phone=NUMBER, reason=SAID)
    caller.tool("no_such_tool", name=NAME, **{NAME: SAID})
    caller.hang_up(summary=f"{NAME}: {SAID}")
    return caller


def strange_deliveries(system, salon):
    """Bodies that are wrong in every way, each with somebody in it."""
    words = {"caller_name": NAME, "phone": NUMBER, "email": MAIL, "note": SAID}
    post(system, event(call_id=NAME, to_number=NUMBER, transcript=SAID))
    post(
        system, event(call_id=f"call_{NAME}", start_timestamp=words, transcript=[SAID])
    )
    post(system, event(NAME, **words))
    post(system, f'{{"event": "{NAME} {MAIL}'.encode())
    post(system, event(**words), key="wrong")
    post(system, event(**words), path=f"/api/mcp/retell/functions/{quote(NAME)}")
    post(system, words, path=f"/api/webhooks/{quote(NAME)}?mail={MAIL}&tel={NUMBER}")
    account = ProviderAccount.objects.get(company=salon.company_id)
    raw = wire.compact(
        {
            "triggerEvent": "BOOKING_CREATED",
            "payload": {"uid": words, "startTime": SAID, "attendees": [words]},
        }
    )
    signed = hmac.new(b"calcom secret of salon", raw, hashlib.sha256).hexdigest()
    wire.send(
        "POST",
        f"{system.web_url}/api/webhooks/calcom/{account.endpoint}",
        raw,
        headers={"X-Cal-Signature-256": signed},
    )


def failed_sign_ins(system):
    """Type the password where the name belongs, and the other way round."""
    for name, password in ((PASSWORD, NAME), (MAIL, PASSWORD)):
        browser = requests.Session()
        page = browser.get(f"{system.web_url}/admin/login/", timeout=10)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)[1]
        typed = {"username": name, "login": name, "password": password}
        typed["csrfmiddlewaretoken"] = token
        browser.post(page.url, data=typed, headers={"Referer": page.url}, timeout=10)
        browser.post(page.url, data=typed | {"csrfmiddlewaretoken": "x"}, timeout=10)
        browser.get(f"{system.web_url}/admin/{quote(NAME)}?q={MAIL}", timeout=10)


def keys_in_wrong_places(system, plain):
    """Show a key in an address, garbled, and well."""
    health = f"{system.web_url}/api/mcp/health"
    wire.send("GET", f"{health}?key={plain}", None)
    for said in (f"Bearer {plain}", f"Bearer {plain}x", f"Basic {plain}", plain):
        wire.send("GET", health, None, headers={"Authorization": said})


def written(system):
    """Return what every process wrote, by file."""
    folders = (system.processes.logs, embedded.var_folder() / "log")
    return {
        path.name: path.read_text(errors="replace")
        for folder in folders
        for path in folder.glob("*.log")
    }


def unpacked(messages):
    """Add what Celery packs: it sends a task's arguments as base64."""
    packed = re.findall(r"[A-Za-z0-9+/]{24,}={0,2}", messages)
    bodies = [b64decode(one + "=" * (-len(one) % 4)) for one in packed]
    return "\n".join([messages, *(one.decode(errors="replace") for one in bodies)])


def found(text, markers):
    """Return which markers a text has, however they are escaped."""
    plain = re.sub(
        r"\\u([0-9a-fA-F]{4})", lambda code: chr(int(code[1], 16)), unquote(text)
    )
    return {one for one in markers if one in text.lower() or one in plain.lower()}


def test_g6_nothing_personal_and_no_key_is_logged_or_sent_along(system, salon):
    _, key = make_key(company=salon.company)
    with listening() as heard, scope(salon.company_id):
        caller = a_whole_call(system, salon)
        strange_deliveries(system, salon)
        failed_sign_ins(system)
        keys_in_wrong_places(system, key)
        # What could have leaked is there, where it belongs.
        eventually(lambda: Call.objects.filter(status="analyzed").exists())
        assert NAME in Appointment.objects.filter(state="booked").get().customer.name
        assert Call.objects.get(call_id=caller.call_id).from_number == NUMBER
    with every_company():
        assert ToolCall.objects.count() > 8
    time.sleep(1)  # the sweep looks at what was left over

    logs = written(system)
    assert {"web.log", "live.log", "background.log", "postgres.log"} <= set(logs)
    assert "correlation_id" in "".join(logs.values())
    for name, text in logs.items():
        assert found(text, PERSONAL) == set(), name
    messages = unpacked("\n".join(heard))
    assert "bookings.attempt" in messages
    assert '"appointment_id": "' in messages
    assert found(messages, PERSONAL) == set()
    secrets = {
        *embedded.read_secrets(embedded.var_folder()).values(),
        system.sandbox["retell"]["webhook_key"],
        system.sandbox["calcom"]["api_key"],
        "calcom secret of salon",
        key,
    } - {embedded.read_secrets(embedded.var_folder())["installation"]}
    for name, text in [*logs.items(), ("messages", messages)]:
        assert [one for one in secrets if one in text] == [], name


def test_g6_no_process_writes_addresses_of_requests(system):
    wire.send("GET", f"{system.web_url}/healthz?somebody=somewhere", None)

    assert "somebody=somewhere" not in "".join(written(system).values())


def test_what_is_looked_for_would_be_found():
    assert found("to ZACHARIAS%20x", PERSONAL) == {"zacharias"}
    assert found(r"a \u005aimtstern", PERSONAL) == {"zimtstern"}
    assert found('{"n": "+49 30"}', PERSONAL) == set()
