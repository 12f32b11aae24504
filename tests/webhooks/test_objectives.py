"""What is promised, computed from rows; unknown where there are none."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta

import pytest

from tests import factories as make
from webhooks import objectives
from webhooks.objectives import Objective

pytestmark = pytest.mark.django_db


@pytest.fixture
def company():
    return make.make_company("salon")


def buckets(**at):
    """Return buckets by place, as ``b0=3``."""
    found = [0] * objectives.BUCKETS
    for name, count in at.items():
        found[int(name[1:])] = count
    return found


def test_success_is_over_what_ended_and_not_over_what_waits(company):
    account = make.make_account(company=company)
    states = ["done"] * 6 + ["ignored"] * 2 + ["dead"] * 2
    states += ["received", "retrying", "processing", "unresolved"]
    for state in states:
        make.make_delivery(account=account, company=company, state=state)

    assert objectives.of().success == Objective(0.8, 10)
    assert objectives.of(company.pk).success == Objective(0.8, 10)


def test_a_period_is_no_longer_than_it_says(company):
    account = make.make_account(company=company)
    for hours, state in ((1, "done"), (23, "dead"), (25, "dead")):
        at = datetime.now(UTC) - timedelta(hours=hours)
        make.make_delivery(
            account=account, company=company, state=state, received_at=at
        )
        make.make_count(account=account, at=at, received=hours, duplicates=1)

    found = objectives.of()

    assert found.period_s == 86_400
    assert found.success == Objective(0.5, 2)
    assert found.duplicates == Objective(2, 24)


@pytest.mark.parametrize(
    ("counted", "bound"),
    [
        (buckets(b0=100), 5),
        (buckets(b0=99, b5=1), 5),
        (buckets(b0=98, b5=2), 250),
        (buckets(b0=1, b6=1), 1000),
        (buckets(b0=1, b7=1), math.inf),
        (buckets(b7=1), math.inf),
    ],
)
def test_the_slowest_but_one_in_a_hundred(company, counted, bound):
    account = make.make_account(company=company)
    now = datetime.now(UTC)
    make.make_count(account=account, at=now, acknowledged=counted)

    assert objectives.of().acknowledged_ms == Objective(bound, sum(counted))


def test_nothing_is_unknown(company):
    none = objectives.of(company.pk)

    assert (none.success, none.acknowledged_ms, none.duplicates) == (
        *(Objective(None, 0),) * 3,
    )
    assert objectives.as_json(none) == {
        "period_s": 86_400,
        "success_rate": {"value": None, "of": 0},
        "acknowledged_p99": {"within_ms": None, "beyond_ms": None, "of": 0},
        "duplicates_prevented": {"value": None, "of": 0},
    }


def test_beyond_the_last_bound_is_said_in_json(company):
    account = make.make_account(company=company)
    now = datetime.now(UTC)
    make.make_count(account=account, at=now, acknowledged=buckets(b7=3), received=3)

    told = objectives.as_json(objectives.of())

    assert told["acknowledged_p99"] == {"within_ms": None, "beyond_ms": 1000, "of": 3}
    assert told["duplicates_prevented"] == {"value": 0, "of": 3}
    assert "Infinity" not in json.dumps(told)


def test_a_companys_objectives_hold_nothing_of_another(company):
    other = make.make_company("fremd")
    now = datetime.now(UTC)
    for owner, state in ((company, "done"), (other, "dead")):
        account = make.make_account(company=owner)
        make.make_delivery(account=account, company=owner, state=state)
        # Whose number was dialled is not found yet: the account says whose it is.
        make.make_delivery(account=account, company=None, state=state)
        make.make_count(account=account, at=now, received=5, duplicates=2)

    found = objectives.of(company.pk)

    assert found.success == Objective(1.0, 2)
    assert found.duplicates == Objective(2, 5)
    assert objectives.of().success == Objective(0.5, 4)
