"""Opening hours and synonyms as people type them."""

from __future__ import annotations

import pytest

from tenants.models import Branch, Service
from tenants.scoping import every_company
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client):
    client.force_login(factories.make_operator())
    return client


def branch_form(operator, branch, **typed):
    """Return what the branch's page would send, with some lines typed anew."""
    page = operator.get(f"/admin/tenants/branch/{branch.pk}/change/")
    form = page.context["adminform"].form
    sent = {}
    for name, bound in ((one.name, one) for one in form):
        value = bound.value()
        if name == "opening_hours":
            lines = form.fields[name].widget.decompress(value)
            sent |= {f"{name}_{place}": text for place, text in enumerate(lines)}
        else:
            sent[name] = "" if value is None else value
    url = f"/admin/tenants/branch/{branch.pk}/change/"
    return page, operator.post(url, sent | typed)


def test_each_day_is_a_line_of_its_own(operator):
    company = factories.make_company()
    branch = factories.make_branch(
        company=company, opening_hours={"mon": ["09:00-12:00", "13:00-18:00"]}
    )

    page, answer = branch_form(
        operator, branch, opening_hours_1="10:00-19:00 ,20:00-21:00", opening_hours_0=""
    )

    assert 'value="09:00-12:00, 13:00-18:00"' in page.content.decode()
    assert ">Montag</label>" in page.content.decode()
    assert answer.status_code == 302
    with every_company():
        hours = Branch.objects.get().opening_hours
    assert hours == {"tue": ["10:00-19:00", "20:00-21:00"]}


@pytest.mark.parametrize("typed", ["9-18", "18:00-09:00", "09:00", "immer"])
def test_hours_that_cannot_be_read_say_how_to_write_them(operator, typed):
    company = factories.make_company()
    branch = factories.make_branch(company=company, opening_hours={})

    _, answer = branch_form(operator, branch, opening_hours_2=typed)

    assert answer.status_code == 200
    assert "Schreiben Sie es so: 09:00-12:30, 14:00-18:00." in answer.content.decode()
    assert f'value="{typed}"' in answer.content.decode()
    with every_company():
        assert Branch.objects.get().opening_hours == {}


def test_synonyms_are_words_with_commas(operator):
    company = factories.make_company()
    branch = factories.make_branch(company=company)
    service = factories.make_service(branch=branch, synonyms=["Schnitt", "Kürzen"])
    url = f"/admin/tenants/service/{service.pk}/change/"

    page = operator.get(url)
    form = page.context["adminform"].form
    sent = {one.name: one.value() if one.value() is not None else "" for one in form}
    answer = operator.post(url, sent | {"synonyms": "Haarschnitt,  Waschen "})

    assert 'value="Schnitt, Kürzen"' in page.content.decode()
    assert answer.status_code == 302
    with every_company():
        assert Service.objects.get().synonyms == ["Haarschnitt", "Waschen"]
