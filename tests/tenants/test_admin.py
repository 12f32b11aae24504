"""Set-up in the admin: whose row it is, what a branch lacks, keys that stay hidden."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tenants.models import (
    Branch,
    Company,
    Membership,
    PhoneNumber,
    ProviderAccount,
    Service,
)
from tenants.scoping import every_company
from tests import factories as make

pytestmark = pytest.mark.django_db


def signed_in(user):
    client = Client(headers={"accept-language": "de"})
    client.force_login(user)
    return client


@pytest.fixture
def company():
    return make.make_company("salon")


@pytest.fixture
def other():
    return make.make_company("fremd")


@pytest.fixture
def operator():
    return signed_in(make.make_operator())


@pytest.fixture
def owner(company):
    return signed_in(make.make_member(company=company))


def url(name, *arguments):
    return reverse(f"admin:tenants_{name}", args=arguments)


def branch_form(**values):
    return {
        "slug": "mitte",
        "name": "Salon Mitte",
        "opening_hours": "{}",
        "minimum_notice_min": 60,
        "booking_window_days": 60,
        "is_active": "on",
    } | values


def service_form(**values):
    return {
        "name": "Schnitt",
        "synonyms": "[]",
        "duration_min": 30,
        "buffer_before_min": 0,
        "buffer_after_min": 0,
        "capacity": 1,
        "is_active": "on",
    } | values


def errors(response):
    assert response.status_code == 200, response.get("location")
    return dict(response.context["adminform"].form.errors)


def all_of(model):
    with every_company():
        return list(model.objects.select_related("company"))


def test_a_members_row_is_her_companys_whatever_the_client_sends(owner, company, other):
    got = owner.post(url("branch_add"), branch_form(company=str(other.pk)))

    assert got.status_code == 302
    assert [branch.company for branch in all_of(Branch)] == [company]


def test_an_operator_chooses_the_company(operator, other):
    without = errors(operator.post(url("branch_add"), branch_form()))
    got = operator.post(url("branch_add"), branch_form(company=str(other.pk)))

    assert set(without) == {"company"}
    assert got.status_code == 302
    assert [branch.company for branch in all_of(Branch)] == [other]


def test_a_row_may_not_hang_on_another_companys(operator, company, other):
    branch = make.make_branch(company=other)
    form = service_form(company=str(company.pk), branch=str(branch.pk))

    found = errors(operator.post(url("service_add"), form))

    assert found == {"branch": ["Das gehört zu einer anderen Firma."]}
    assert not all_of(Service)


def test_a_member_can_not_name_another_companys_branch(owner, other):
    branch = make.make_branch(company=other)

    found = errors(owner.post(url("service_add"), service_form(branch=str(branch.pk))))

    assert set(found) == {"branch"}
    assert not all_of(Service)


def test_a_row_never_changes_its_company(operator, company, other):
    branch = make.make_branch(company=company)
    form = branch_form(company=str(other.pk), name="Neu")

    assert operator.post(url("branch_change", branch.pk), form).status_code == 302

    (branch,) = all_of(Branch)
    assert (branch.company, branch.name) == (company, "Neu")


def test_a_short_name_twice_is_a_form_error(owner, company):
    make.make_branch(company=company, slug="mitte")

    found = errors(owner.post(url("branch_add"), branch_form()))

    assert found
    assert len(all_of(Branch)) == 1


def test_an_unknown_time_zone_is_refused(owner):
    form = branch_form(time_zone="Europe/Atlantis")

    assert set(errors(owner.post(url("branch_add"), form))) == {"time_zone"}


def test_a_number_is_taken_in_any_spelling(owner, company):
    branch = make.make_branch(company=company)
    form = {"branch": str(branch.pk), "number": "030 / 837 93 369", "is_active": "on"}

    assert owner.post(url("phonenumber_add"), form).status_code == 302

    assert [one.number for one in all_of(PhoneNumber)] == ["+493083793369"]
    assert set(errors(owner.post(url("phonenumber_add"), form | {"number": "x"}))) == {
        "number"
    }


@pytest.mark.parametrize("is_active", [True, False])
def test_a_number_of_another_company_is_refused(owner, company, other, is_active):
    taken = make.make_number(branch=make.make_branch(company=other))
    with every_company():
        PhoneNumber.objects.update(is_active=is_active)
    branch = make.make_branch(company=company)
    form = {"branch": str(branch.pk), "number": taken.number, "is_active": "on"}

    got = owner.post(url("phonenumber_add"), form, follow=True)

    assert got.status_code == 200
    assert len(all_of(PhoneNumber)) == 1


def test_a_branch_that_is_not_ready_stands_out(owner, company):
    ready = make.make_ready_branch(company=company, slug="mitte")
    late = make.make_ready_branch(company=company, slug="ost")
    with every_company():
        Branch.objects.filter(pk=late.pk).update(
            calcom_event_type_id=None, retell_agent_id=""
        )

    everything = owner.get(url("branch_changelist")).content.decode()
    missing = owner.get(url("branch_changelist") + "?readiness=missing")
    fine = owner.get(url("branch_changelist") + "?readiness=ready")
    page = owner.get(url("branch_change", late.pk)).content.decode()

    assert "fehlt: Cal.com-Event-Type-ID, Retell-Agent-ID" in everything
    assert [one.pk for one in missing.context["cl"].result_list] == [late.pk]
    assert [one.pk for one in fine.context["cl"].result_list] == [ready.pk]
    assert "Tragen Sie die ID des Agenten ein" in page
    assert "bereit" in owner.get(url("branch_change", ready.pk)).content.decode()


def test_the_first_page_says_what_needs_somebody(owner, company):
    assert (
        "Es gibt noch keine Filiale"
        in owner.get(reverse("admin:index")).content.decode()
    )
    branch = make.make_ready_branch(company=company)
    fine = owner.get(reverse("admin:index")).content.decode()
    with every_company():
        Branch.objects.update(retell_agent_id="")
        account = ProviderAccount.objects.filter(provider="retell").get()
    make.make_delivery(account=account, company=company, state="dead")
    make.make_delivery(
        account=account,
        company=company,
        state="received",
        next_try_at=timezone.now() - timedelta(minutes=2),
    )
    make.make_delivery(
        account=account, company=company, state="received", next_try_at=timezone.now()
    )
    make.make_callback(branch=branch)

    page = owner.get(reverse("admin:index"))

    assert "Alles läuft. Nichts zu tun." in fine
    texts = [matter.text for matter in page.context["state"].matters]
    assert texts == [
        "1 Filiale kann noch keine Anrufe annehmen",
        "1 Lieferung ist gescheitert",
        "1 Lieferung wird nicht bearbeitet; was sie ändert, ist unbekannt",
        "1 Rückruf ist fällig",
    ]
    for matter in page.context["state"].matters:
        rows = owner.get(matter.url)
        assert rows.status_code == 200
        assert rows.context["cl"].result_count == 1, matter


def test_an_empty_secret_keeps_the_stored_one(owner, company):
    account = make.make_account(company=company, api_key="old", webhook_secret="sec")

    got = owner.post(
        url("provideraccount_change", account.pk), {"api_key": "new", "is_active": "on"}
    )

    assert got.status_code == 302
    (stored,) = all_of(ProviderAccount)
    assert (stored.api_key, stored.webhook_secret) == ("new", "sec")


def test_a_refused_form_does_not_repeat_the_secret(operator, company):
    form = {"company": str(company.pk), "provider": "x", "api_key": "s3cret-typed"}

    got = operator.post(url("provideraccount_add"), form)

    assert "provider" in errors(got)
    assert "s3cret-typed" not in got.content.decode()


def test_an_owners_account_is_at_the_providers_own_address(owner, company):
    form = {"provider": "calcom", "api_key": "k", "base_url": "https://evil.example"}

    assert owner.post(url("provideraccount_add"), form).status_code == 302

    (account,) = all_of(ProviderAccount)
    assert (account.company, account.base_url) == (company, "https://api.cal.com")


def test_keys_and_people_are_the_owners(company):
    account = make.make_account(company=company)
    desk = signed_in(make.make_member(company=company, role="desk"))

    page = url("provideraccount_change", account.pk)
    assert desk.get(page).status_code == 200
    assert desk.post(page, {"api_key": "x"}).status_code == 403
    assert desk.get(url("membership_add")).status_code == 403


def test_a_new_webhook_secret_lets_the_one_before_hold_on(owner, company):
    used_at = timezone.now()
    account = make.make_account(
        company=company, webhook_secret="old", secret_used_at=used_at
    )
    page = url("provideraccount_change", account.pk)

    owner.post(page, {"webhook_secret": "new", "is_active": "on"})
    (rotated,) = all_of(ProviderAccount)
    owner.post(page, {"api_key": "other", "is_active": "on"})

    assert rotated.webhook_secrets == ("new", "old")
    assert (rotated.secret_used_at, rotated.secret_previous_used_at) == (None, used_at)
    (later,) = all_of(ProviderAccount)
    assert later.webhook_secrets == ("new", "old")
    assert later.secret_previous_used_at == used_at


def test_a_rotation_ends_when_the_previous_secret_is_forgotten(owner, company):
    account = make.make_account(
        company=company, webhook_secret="new", webhook_secret_previous="old"
    )
    post = {"action": "forget_previous_secret", "_selected_action": [account.pk]}

    owner.post(url("provideraccount_changelist"), post)

    (account,) = all_of(ProviderAccount)
    assert account.webhook_secrets == ("new",)


def test_an_owner_lets_a_person_in_by_address(owner, company):
    form = {"email": "neu@salon.example", "role": "desk"}

    assert owner.post(url("membership_add"), form).status_code == 302
    again = errors(owner.post(url("membership_add"), form))

    assert set(again) == {"email"}
    member = next(one for one in all_of(Membership) if one.role == "desk")
    assert member.company == company
    with every_company():
        assert (member.user.username, member.user.is_staff) == (form["email"], True)
        assert not member.user.has_usable_password()


def test_nobody_deletes_a_company_or_herself(operator, owner, company):
    make.make_branch(company=company)
    own = next(one for one in all_of(Membership) if one.role == "owner")

    assert (
        operator.post(url("company_delete", company.pk), {"post": "yes"}).status_code
        == 403
    )
    assert (
        owner.post(url("membership_delete", own.pk), {"post": "yes"}).status_code == 403
    )
    action = {"action": "delete_selected", "_selected_action": [company.pk], "post": 1}
    operator.post(url("company_changelist"), action)
    assert len(all_of_companies()) == 1


def all_of_companies():
    with every_company():
        return list(Company.objects.all())


def test_an_owner_changes_her_company_but_not_what_the_operator_agreed(owner, company):
    form = {
        "name": "Salon Neu",
        "slug": "anders",
        "time_zone": "Europe/Vienna",
        "language": "de",
        "cancellation_notice_min": 30,
        "retention_days": 9,
    }

    assert owner.post(url("company_change", company.pk), form).status_code == 302

    (changed,) = all_of_companies()
    assert (changed.name, changed.time_zone) == ("Salon Neu", "Europe/Vienna")
    assert (changed.slug, changed.retention_days) == ("salon", 30)


def test_suggestions_come_from_the_own_company(owner, company, other):
    make.make_branch(company=company, slug="mitte")
    make.make_branch(company=other, slug="mitte")
    question = {"app_label": "tenants", "model_name": "service", "field_name": "branch"}

    found = owner.get(reverse("admin:autocomplete"), question).json()["results"]

    assert [one["text"] for one in found] == ["Salon Mitte"]


def test_a_branch_goes_with_what_only_it_has(owner, company):
    branch = make.make_ready_branch(company=company)

    asked = owner.get(url("branch_delete", branch.pk))
    done = owner.post(url("branch_delete", branch.pk), {"post": "yes"})

    assert (asked.status_code, done.status_code) == (200, 302)
    assert (all_of(Branch), all_of(PhoneNumber), all_of(Service)) == ([], [], [])


@pytest.mark.parametrize("by", ["page", "action"])
def test_a_branch_with_appointments_stays(owner, company, by):
    branch = make.make_branch(company=company)
    make.make_appointment(branch=branch)

    if by == "page":
        owner.post(url("branch_delete", branch.pk), {"post": "yes"})
    else:
        action = {"action": "delete_selected", "post": "yes"}
        owner.post(url("branch_changelist"), action | {"_selected_action": [branch.pk]})

    assert [one.pk for one in all_of(Branch)] == [branch.pk]


def test_english_staff_read_english(company):
    branch = make.make_branch(company=company, retell_agent_id="")
    client = Client(headers={"accept-language": "en"})
    client.force_login(make.make_member(company=company))

    page = client.get(url("branch_changelist")).content.decode()

    assert "not ready: Retell agent id" in page
    assert "Filiale" not in client.get(url("branch_change", branch.pk)).content.decode()
