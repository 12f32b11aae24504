"""Twenty companies at once: no answer is crossed, and no row is another's."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from bookings.models import Call
from integrations.models import ToolCall
from integrations.sandbox import wire
from tenants.models import PhoneNumber
from tenants.scoping import every_company, scope
from tests import factories
from tests.integrations.mcp.door import key_for, message

pytestmark = [pytest.mark.django_db, pytest.mark.proof]

COMPANIES, QUESTIONS, AT_ONCE = 20, 4_000, 64


@pytest.fixture
def salons():
    """Return each company's number, branch and keys, one plain and one streamed."""
    found = []
    for number in range(COMPANIES):
        company = factories.make_company(slug=f"salon-{number}")
        branch = factories.make_ready_branch(company=company)
        factories.make_service(branch=branch, name=f"Leistung {number}")
        with scope(branch.company_id):
            dialled = PhoneNumber.objects.get().number
        keys = [key_for(branch), key_for(branch, is_streamed=True)]
        found.append((number, branch, dialled, keys))
    return found


def test_no_answer_is_crossed(web_url, salons):
    rng = random.Random(7)

    def ask(place):
        number, branch, dialled, keys = salons[rng.randrange(COMPANIES)]
        tool = rng.choice(["list_services", "get_current_context", "request_callback"])
        body = message("tools/call", name=tool, arguments={"reason": f"von {number}"})
        reply = wire.send(
            "POST",
            f"{web_url}/api/mcp",
            body,
            headers={
                "Authorization": f"Bearer {rng.choice(keys)}",
                "Accept": "application/json, text/event-stream",
                "X-AskPro-To": dialled,
                # The same ids at every company, half of them used again and again.
                "X-AskPro-Call-Id": f"call_{rng.randrange(5 if place % 2 else 500)}",
                "X-AskPro-From": f"+4930231251{number:02}",
            },
            timeout_s=60,
        )
        assert reply.status == 200, (reply.status, reply.error, reply.body)
        told = reply.body.decode()
        others = [
            one
            for other, row, _, _ in salons
            if other != number
            for one in (f"Leistung {other}\\", f'Salon-{other}"', str(row.company_id))
            if one in told
        ]
        assert not others, told
        return number, branch.company_id, tool

    # A process that has just begun opens its connections one after the other.
    with ThreadPoolExecutor(4) as threads:
        asked = Counter(threads.map(ask, range(100)))
    with ThreadPoolExecutor(AT_ONCE) as threads:
        asked += Counter(threads.map(ask, range(QUESTIONS)))

    with every_company():
        kept = Counter(
            (company_id, tool)
            for company_id, tool in ToolCall.objects.values_list("company_id", "tool")
        )
        of_calls = dict(Call.objects.values_list("pk", "company_id"))
        rows = ToolCall.objects.exclude(call_row_id=None)
        crossed = [
            row
            for row in rows.values_list("company_id", "call_row_id")
            if of_calls[row[1]] != row[0]
        ]
    assert crossed == []
    assert kept == Counter(
        {(company_id, tool): count for (_, company_id, tool), count in asked.items()}
    )
