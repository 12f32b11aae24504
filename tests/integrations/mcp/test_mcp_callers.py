"""Who calls, for whom, at the MCP door: the key's company, the call of the headers."""

from __future__ import annotations

import itertools
import time

import orjson
import pytest

from bookings.models import Appointment, Call, Callback
from integrations.models import ToolCall
from integrations.retell import signatures
from tenants.models import PhoneNumber, ProviderAccount
from tenants.scoping import every_company, scope
from tests import factories
from tests.integrations.mcp.door import call, call_headers, key_for
from webhooks.models import WebhookLog

pytestmark = pytest.mark.django_db

CALLER = "+493023125042"


_numbers = itertools.count(5100)


def ready_branch(company=None, **values):
    """Return a branch that lacks nothing, with a number that can be dialled."""
    company = company or factories.make_company()
    branch = factories.make_ready_branch(company=company, **values)
    with scope(branch.company_id):
        mine = PhoneNumber.objects.filter(branch=branch)
        mine.update(number=f"+49302312{next(_numbers)}")
    return branch


@pytest.fixture
def branch():
    return ready_branch()


@pytest.fixture
def key(branch):
    return key_for(branch)


def number_of(branch):
    with scope(branch.company_id):
        return PhoneNumber.objects.get(branch=branch).number


def account_of(branch):
    with scope(branch.company_id):
        return ProviderAccount.objects.get(company=branch.company_id, provider="retell")


def calls_of(branch):
    with scope(branch.company_id):
        return list(Call.objects.order_by("id"))


def signed(client, branch, event, now_ms, **values):
    """Have the company's own Retell account tell an event, read by no worker."""
    account = account_of(branch)
    inner = {"to_number": number_of(branch), "from_number": CALLER} | values
    body = orjson.dumps({"event": event, "call": inner, "call_inbound": inner})
    signature = signatures.sign(body, account.webhook_secret, now_ms=now_ms)
    reply = client.post(
        f"/api/webhooks/retell/{account.endpoint}",
        body,
        "application/json",
        headers={"X-Retell-Signature": signature},
    )
    assert reply.status_code in (200, 204)
    return reply


@pytest.fixture
def now_ms():
    return time.time_ns() // 1_000_000


def test_a_call_is_made_if_its_number_is_the_companys(client, branch, key):
    headers = call_headers("call_a", number_of(branch))

    answer = call(client, key, "get_current_context", headers)

    (made,) = calls_of(branch)
    assert answer["data"]["correlation_id"] == "call_a"
    assert (made.call_id, made.status, made.branch_id) == (
        "call_a", "started", branch.pk,
    )  # fmt: skip
    assert made.account_id == account_of(branch).pk
    with scope(branch.company_id):
        assert ToolCall.objects.get().call_row_id == made.pk


def test_the_number_decides_the_branch(client, branch):
    other = ready_branch(branch.company, slug="west")
    key = key_for(branch)

    for one in (branch, other):
        headers = call_headers(f"call_{one.slug}", number_of(one))
        answer = call(client, key, "get_current_context", headers)
        assert answer["data"]["branch"] == one.name


def test_another_companys_number_makes_nothing(client, branch, key):
    stranger = ready_branch()

    answer = call(
        client, key, "list_services", call_headers("call_a", number_of(stranger))
    )

    assert answer["code"] == "not_permitted"
    assert calls_of(branch) == calls_of(stranger) == []
    with scope(branch.company_id):
        assert ToolCall.objects.get().error == "unknown number or call"


def test_a_branchs_key_opens_no_other_branch(client, branch):
    other = ready_branch(branch.company, slug="west")
    _, key = factories.make_key(
        company=branch.company, scopes=["booking"], branch=branch
    )
    factories.make_call(branch=other, call_id="call_west", status="started")

    refused = [
        call(client, key, "list_services", headers)["code"]
        for headers in (
            call_headers("call_a", number_of(other)),
            call_headers("call_west"),
            call_headers("call_west", number_of(branch)),
        )
    ]

    assert refused == ["not_permitted"] * 3
    assert call(client, key, "list_services")["code"] == "ok"


@pytest.mark.parametrize("status", ["ringing", "started"])
def test_a_known_call_needs_no_number_while_it_goes_on(client, branch, key, status):
    factories.make_call(branch=branch, call_id="call_a", status=status)

    answer = call(client, key, "get_current_context", call_headers("call_a"))

    assert answer["code"] == "ok"
    assert answer["data"]["correlation_id"] == "call_a"


@pytest.mark.parametrize("status", ["ended", "analyzed", "lost"])
def test_a_call_that_is_over_is_over(client, branch, key, status):
    factories.make_call(branch=branch, call_id="call_a", status=status)

    for headers in (
        call_headers("call_a"),
        call_headers("call_a", number_of(branch)),
    ):
        answer = call(client, key, "request_callback", headers, phone=CALLER)
        assert answer["code"] == "not_permitted"
    with scope(branch.company_id):
        assert not Callback.objects.exists()


def test_an_unknown_call_without_a_number_is_nobodys(client, branch, key):
    answer = call(client, key, "list_services", call_headers("call_unknown"))

    assert answer["code"] == "not_permitted"
    assert calls_of(branch) == []


def test_the_same_id_at_two_accounts_is_nobodys(client, branch, key):
    for number, account in enumerate((None, account_of(branch))):
        factories.make_call(
            branch=branch,
            call_id="call_a",
            account=account,
            status="started",
            correlation_id=f"call {number}",
        )

    for headers in (
        call_headers("call_a"),
        call_headers("call_a", number_of(branch)),
    ):
        assert call(client, key, "list_services", headers)["code"] == "not_permitted"


@pytest.mark.parametrize(
    ("name", "code", "made"),
    [
        ("X-AskPro-Call-Id", "ok", 0),
        ("X-AskPro-To", "not_permitted", 0),  # an unknown call, and nobody's number
        ("X-AskPro-From", "ok", 1),
    ],
)
def test_what_retell_did_not_fill_in_is_absent(client, branch, key, name, code, made):
    headers = call_headers("call_a", number_of(branch)) | {name: "{{user_number}}"}

    answer = call(client, key, "get_current_context", headers)

    assert (answer["code"], len(calls_of(branch))) == (code, made)


def test_a_number_that_can_not_be_read_is_refused(client, key):
    headers = call_headers("call_a", "anonymous")

    assert call(client, key, "list_services", headers)["code"] == "not_permitted"


def test_the_callers_number_in_a_header_proves_nothing(client, branch, key):
    customer = factories.make_customer(company=branch.company, phone=CALLER)
    factories.make_appointment(branch=branch, customer=customer)
    headers = call_headers("call_a", number_of(branch), **{"X-AskPro-From": CALLER})

    known = call(client, key, "get_customer_info", headers)
    found = call(client, key, "find_bookings", headers)
    cancelled = call(client, key, "cancel_booking", headers, confirmed=True)

    assert known["data"]["is_known"] is False
    assert customer.name not in str(known)
    assert [found["code"], cancelled["code"]] == ["not_permitted"] * 2
    (made,) = calls_of(branch)
    assert made.from_number == ""
    with scope(branch.company_id):
        assert Appointment.objects.get().intent is None


def test_but_it_is_good_to_call_back(client, branch, key):
    headers = call_headers("call_a", number_of(branch), **{"X-AskPro-From": CALLER})

    assert call(client, key, "request_callback", headers)["code"] == "ok"

    with scope(branch.company_id):
        assert Callback.objects.get().phone == CALLER


@pytest.mark.parametrize("event", ["call_inbound", "call_started"])
def test_a_signed_event_proves_it_also_before_a_worker_has_read_it(
    client, branch, key, now_ms, event
):
    customer = factories.make_customer(company=branch.company, phone=CALLER)
    headers = call_headers("call_a", number_of(branch))
    before = call(client, key, "get_customer_info", headers)

    signed(client, branch, event, now_ms, call_id="call_a")
    after = call(client, key, "get_customer_info", headers)

    assert (before["data"]["is_known"], after["data"]["is_known"]) == (False, True)
    assert after["data"]["name"] == customer.name
    (made,) = calls_of(branch)
    assert (made.call_id, made.from_number) == ("call_a", CALLER)
    with every_company():
        assert WebhookLog.objects.get().state == "received"


def test_a_ring_without_an_id_is_joined_by_what_we_answered(
    client, branch, key, now_ms
):
    factories.make_customer(company=branch.company, phone=CALLER)
    answered = signed(client, branch, "call_inbound", now_ms).json()["call_inbound"]
    given = answered["metadata"]["correlation_id"]
    headers = call_headers("call_a", number_of(branch), **{"X-Correlation-ID": given})

    answer = call(client, key, "get_customer_info", headers)

    assert given.startswith("inb_")
    assert answer["data"]["is_known"] is True
    (made,) = calls_of(branch)
    assert (made.call_id, made.correlation_id) == ("call_a", given)


def test_another_calls_events_prove_nothing(client, branch, key, now_ms):
    factories.make_customer(company=branch.company, phone=CALLER)
    signed(client, branch, "call_started", now_ms, call_id="call_b")
    headers = call_headers(
        "call_a", number_of(branch), **{"X-Correlation-ID": "call_b"}
    )

    answer = call(client, key, "get_customer_info", headers)

    assert answer["data"]["is_known"] is False
    assert [one.call_id for one in calls_of(branch)] == ["call_a"]


def test_an_event_for_another_companys_number_proves_nothing(client, branch, now_ms):
    """The platform's account tells of every company's calls."""
    platform = factories.make_account(company=None, provider="retell")
    stranger = ready_branch()
    with every_company():
        ProviderAccount.objects.filter(provider="retell").exclude(
            pk=platform.pk
        ).delete()
    inner = {
        "call_id": "call_a", "to_number": number_of(stranger), "from_number": CALLER,
    }  # fmt: skip
    factories.make_delivery(
        account=platform,
        body={"event": "call_started", "call": inner},
        event="call_started",
        call_id="call_a",
        correlation_id="call_a",
        state="received",
    )
    headers = call_headers("call_a", number_of(branch))

    call(client, key_for(branch), "get_customer_info", headers)

    assert [one.from_number for one in calls_of(branch)] == [""]
    assert calls_of(stranger) == []


WRITES = ["check_availability", "create_booking", "request_callback", "find_bookings"]


@pytest.mark.parametrize("tool", WRITES)
def test_without_a_call_the_client_names_the_occasion(client, branch, key, tool):
    answer = call(client, key, tool)

    assert answer["code"] == "invalid_input"
    assert answer["data"]["fields"] == ["idempotency_key"]
    assert calls_of(branch) == []


@pytest.mark.parametrize("occasion", ["", "x" * 81, 7, ["a"], None])
def test_what_is_no_name_of_an_occasion_is_none(client, branch, key, occasion):
    answer = call(client, key, "request_callback", idempotency_key=occasion)

    assert answer["code"] == "invalid_input"


def test_an_occasion_is_one_call_in_one_company(client, branch, key):
    stranger = ready_branch()
    wish = {"phone": CALLER, "idempotency_key": "Gespräch 7"}

    first = call(client, key, "request_callback", **wish)
    again = call(client, key_for(branch), "request_callback", **wish)
    other = call(client, key, "request_callback", **wish | {"idempotency_key": "8"})
    theirs = call(client, key_for(stranger), "request_callback", **wish)

    ids = [one["data"]["callback_id"] for one in (first, again, other, theirs)]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3
    made = calls_of(branch)
    assert len(made) == 2
    assert {(one.call_id, one.status, one.direction) for one in made} == {
        (None, "ended", "mcp")
    }


def test_an_occasion_stays_with_its_branch(client, branch, key):
    other = ready_branch(branch.company, slug="west")
    wish = {"phone": CALLER, "idempotency_key": "a"}

    codes = [
        call(client, key, "request_callback", {"X-AskPro-To": number_of(one)}, **wish)
        for one in (branch, other)
    ]

    assert [one["code"] for one in codes] == ["ok", "not_permitted"]


def test_without_a_call_the_branch_must_be_clear(client, branch, key):
    assert call(client, key, "list_services")["code"] == "ok"

    ready_branch(branch.company, slug="west")

    assert call(client, key, "list_services")["code"] == "not_permitted"
    named = {"X-AskPro-To": number_of(branch)}
    assert call(client, key, "list_services", named)["code"] == "ok"


def test_a_call_in_the_arguments_is_nobodys(client, branch, key):
    factories.make_call(branch=branch, call_id="call_a", status="started")

    answer = call(client, key, "find_bookings", call_id="call_a")

    assert answer["data"]["fields"] == ["idempotency_key"]
