"""A call's page tells what happened, in people's words and of its company alone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.urls import reverse

from tests import factories as make
from webhooks.call_page import OUTCOMES

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 25, 9, 0, 0, 120_000, tzinfo=UTC)


@pytest.fixture
def operator(client):
    user = make.make_operator("betrieb@askpro.example")
    client.force_login(user)
    return client


def page(client, call):
    answer = client.get(reverse("admin:bookings_call_change", args=[call.pk]))
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_call_shows_its_steps_in_words_and_local_time(operator):
    company = make.make_company()
    branch = make.make_branch(company=company)
    account = make.make_account(company=company, provider="retell")
    call = make.make_call(branch=branch, account=account)
    appointment = make.make_appointment(branch=branch, call=call)
    shared = {"correlation_id": call.correlation_id}
    make.make_change(appointment=appointment, call=call, **shared)
    make.make_delivery(account=account, company=company, received_at=AT, **shared)
    make.make_tool_call(
        company=company, call_row_id=call.pk, tool="create_booking", code="taken"
    )

    shown = page(operator, call)

    for text in ("Verlauf", "10:00:00,120", "create_booking", "vergeben"):
        assert text in shown
    assert "buchen" in shown  # what the change did
    assert "erledigt" in shown  # how the delivery ended


def test_another_companys_rows_with_the_same_id_are_not_joined(operator):
    branch = make.make_branch(company=make.make_company())
    other = make.make_company()
    call = make.make_call(branch=branch)
    make.make_delivery(
        account=make.make_account(company=other, provider="retell"),
        company=other,
        event="fremdes_ereignis",
        correlation_id=call.correlation_id,
    )

    assert "fremdes_ereignis" not in page(operator, call)


def test_every_code_of_a_tool_has_its_word():
    from bookings.answers import Code

    assert set(OUTCOMES["tool"]) == {str(code.value) for code in Code}
