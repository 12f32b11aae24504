"""Tenant separation as systems of this kind have lost it; each was somebody's incident.

B1 stands with the deliveries that wait (``webhooks/test_reconcile``), B8 with the admin
(``askpro/admin_wall``).
"""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import connections

from bookings import slots
from bookings.models import Customer
from integrations.sql.reading import query
from integrations.sql.refusals import QueryRefused
from tenants import redis, resolver
from tenants.models import Branch
from tenants.scoping import every_company, scope
from tests import factories as make
from tests.flows.test_book import begin

pytestmark = pytest.mark.django_db

#: Rows without a company: the platform's accounts, and what nobody knows yet.
MAY_LACK_A_COMPANY = {
    "tenants_provideraccount",
    "tenants_auditentry",
    "webhooks_webhooklog",
    "webhooks_webhookbody",
    "webhooks_webhookattempt",
    "webhooks_webhookpause",
    "webhooks_webhookcount",
    "webhooks_providerpoll",
    "integrations_toolcall",
    "integrations_providerrequest",
}


@pytest.fixture
def salon():
    return make.make_company("salon")


@pytest.fixture
def garage():
    return make.make_company("werkstatt")


@pytest.mark.parametrize(
    "dialled",
    ["+4930837933691", "+49308379336", "30837933690", "+43308379336", "", "083793369"],
)
def test_b2_a_number_is_matched_exactly_or_not_at_all(salon, dialled):
    branch = make.make_branch(company=salon)
    make.make_number(branch=branch, number="+493083793369")

    assert resolver.owner_of_number("+493083793369").company_id == salon.pk
    assert resolver.owner_of_number(dialled) is None


def test_b3_the_same_caller_is_another_customer_elsewhere(system, salon):
    from tests import salons

    branch = salons.make(system, slug="friseur")
    phone = "+493023125042"
    make.make_customer(company=salon, name="Erika Fremd", phone=phone)

    caller = begin(system, number=phone)
    heard = caller.tool("get_customer_info")

    assert "Fremd" not in str(heard)
    with scope(branch.company_id):
        assert not Customer.objects.filter(name="Erika Fremd").exists()
    with scope(salon.pk):
        assert Customer.objects.filter(phone=phone).count() == 1


def test_b4_a_cached_value_carries_its_company(salon, garage):
    keys = {redis.company_key(one.pk, "slots", 4711) for one in (salon, garage)}

    assert len(keys) == 2
    for one in (salon, garage):
        assert any(str(one.pk) in key for key in keys)
    slots.forget(salon.pk, 4711)
    redis.ask(lambda r: r.set(redis.company_key(salon.pk, "b4"), "salon"), otherwise=0)
    mine = redis.company_key(garage.pk, "b4")
    assert redis.ask(lambda r: r.get(mine), otherwise=b"away") is None


def test_b5_an_event_type_of_another_account_is_a_gap(system):
    from tenants import readiness
    from tests import salons

    branch = salons.make(system, slug="friseur")
    with scope(branch.company_id):
        fine = readiness.gaps(branch, live=True)
        Branch.objects.filter(pk=branch.pk).update(calcom_event_type_id=99_999_999)
        branch.refresh_from_db()
        found = readiness.gaps(branch, live=True)

    assert not any("99999999" in gap.problem for gap in fine)
    assert len(found) > len(fine)


def test_b6_every_business_row_has_a_company():
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c"
            " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'company_id'"
            " WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace"
            " AND c.relrowsecurity AND NOT a.attnotnull"
        )
        nullable = {table for (table,) in cursor.fetchall()}

    assert nullable == MAY_LACK_A_COMPANY


@pytest.mark.parametrize(
    "text",
    [
        "SELECT name FROM customers UNION SELECT name FROM customers",
        "WITH all_of_them AS (SELECT name FROM customers) SELECT * FROM all_of_them",
        "SELECT name FROM customers WHERE id IN (SELECT id FROM customers) OR true",
        "SELECT name /* company_id = */ FROM customers -- WHERE company_id",
    ],
)
def test_b7_a_query_is_bound_below_its_text(salon, garage, text):
    make.make_customer(company=salon, name="Unsere")
    make.make_customer(company=garage, name="Fremde")

    with scope(salon.pk):
        assert query(text).rows == (("Unsere",),)
    with scope(garage.pk):
        assert query(text).rows == (("Fremde",),)


def test_b7_the_tables_themselves_have_no_name_there(salon):
    with scope(salon.pk), pytest.raises(QueryRefused):
        query("SELECT * FROM bookings_customer")


def test_b1_nobody_is_the_default_tenant(salon):
    make.make_number(branch=make.make_branch(company=salon))

    assert resolver.owner_of_number("+4930999999999") is None
    assert resolver.account_of("retell", uuid4()) is None
    with every_company():
        assert Branch.objects.count() == 1
