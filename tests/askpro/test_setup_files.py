"""A set-up file: what it may say, and the place that each complaint names."""

from __future__ import annotations

import copy
from uuid import uuid4

import pytest

from askpro import setup_files
from tenants.models import Branch, Company, ProviderAccount, Service
from tenants.scoping import every_company
from tests import factories as make

pytestmark = pytest.mark.django_db

BRANCH = {
    "slug": "mitte",
    "name": "Salon Mitte",
    "phone_numbers": ["+493083793369"],
    "services": [{"name": "Schnitt", "duration_min": 30, "buffer_after_min": 10}],
    "staff": [{"name": "Anna Kamm", "services": ["Schnitt"]}],
}
EAST = {"slug": "ost", "name": "Salon Ost"}
SALON = {"slug": "salon", "name": "Salon", "branches": [BRANCH]}


def setup(*branches, **company):
    data = SALON | company | {"branches": [BRANCH, *branches]}
    return {"companies": [copy.deepcopy(data)]}


def apply(data):
    with every_company():
        return setup_files.apply(data)


def complaint(data):
    with pytest.raises(setup_files.BadSetup) as error:
        apply(data)
    return str(error.value)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            setup(EAST | {"phone_numbers": ["+49"]}),
            "companies[0].branches[1].phone_numbers[0]: no telephone number",
        ),
        (
            setup(EAST | {"phone_numbers": [493083793360]}),
            "companies[0].branches[1].phone_numbers[0]: a number without quotes",
        ),
        (
            setup(EAST | {"phone_numbers": ["030 83793369"]}),
            "companies[0].branches[1].phone_numbers[0]: +493083793369 belongs",
        ),
        (
            setup(EAST | {"staff": [{"name": "Udo", "services": ["Rasur"]}]}),
            "companies[0].branches[1].staff[0].services[0]: 'Rasur' is no service",
        ),
        (setup(EAST, EAST), "companies[0].branches[2]: this stands in the file twice"),
        (
            setup(EAST | {"phone_number": []}),
            "companies[0].branches[1].phone_number: unknown key, did you mean"
            " phone_numbers?",
        ),
        (
            setup(retell={"zzz": 1}),
            "companies[0].retell.zzz: unknown key, use one of api_key, base_url,"
            " webhook_keys",
        ),
        ({"companies": [{"name": "x"}]}, "companies[0].slug: is missing, add it"),
        ({}, "companies: is missing, add it"),
        (None, "the file:"),
    ],
)
def test_each_complaint_names_its_place(data, words):
    assert words in complaint(data)
    with every_company():
        assert not Company.objects.exists()


def test_an_id_stays_with_its_branch():
    apply(setup())

    assert "companies[0].branches[0].id: the branch has the id" in complaint(
        {"companies": [SALON | {"branches": [BRANCH | {"id": str(uuid4())}]}]}
    )


def test_an_id_of_another_companys_branch_is_refused():
    other = make.make_branch(company=make.make_company("fremd"))

    said = complaint(setup(EAST | {"id": str(other.pk)}))

    assert said.startswith("companies[0].branches[1]: its id or name belongs")
    with every_company():
        assert [branch.pk for branch in Branch.objects.all()] == [other.pk]


def test_what_is_left_out_changes_nothing():
    apply(setup(calcom={"api_key": "cal_1", "base_url": "http://127.0.0.1:9"}))
    apply(setup(calcom={"webhook_secret": "s"}))
    short = copy.deepcopy(BRANCH)
    del short["services"][0]["buffer_after_min"]
    counts = apply({"companies": [SALON | {"branches": [short]}]})

    assert set(counts) == {"unchanged"}
    with every_company():
        account = ProviderAccount.objects.get()
        assert Service.objects.get().buffer_after_min == 10
    assert (account.api_key, account.webhook_secret) == ("cal_1", "s")
    assert account.base_url == "http://127.0.0.1:9"
