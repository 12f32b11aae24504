"""What operators type: honest exit status, and an error that says what to do."""

from __future__ import annotations

import copy
import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from bookings.models import Call
from tenants.models import Branch, Company, PhoneNumber, ProviderAccount, Service
from tenants.scoping import every_company, scope
from webhooks.models import WebhookBody, WebhookLog

pytestmark = pytest.mark.django_db

SETUP = {
    "companies": [
        {
            "slug": "salon",
            "name": "Salon",
            "calcom": {"api_key": "cal_x", "base_url": "http://127.0.0.1:1"},
            "retell": {"api_key": "key_x", "webhook_keys": ["k1", "k2"]},
            "branches": [
                {
                    "slug": "mitte",
                    "id": "14b9996c-4ebe-11f0-b9c1-0ad77e7a9793",
                    "name": "Salon Mitte",
                    "phone_numbers": ["030 / 837 93 369"],
                    "opening_hours": {"mon": ["09:00-12:00", "13:00-18:00"]},
                    "services": [{"name": "Schnitt", "duration_min": 30}],
                    "staff": [{"name": "Anna Kamm", "services": ["Schnitt"]}],
                }
            ],
            "customers": [{"name": "Erika Beispiel", "phone": "030 23125042"}],
            "users": [{"email": "owner@salon.example", "role": "owner"}],
        }
    ]
}


def run(*arguments):
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def apply(tmp_path):
    def write(data=SETUP):
        path = tmp_path / "setup.yaml"
        path.write_text(json.dumps(data))
        return run("import_setup", str(path), "--json")

    return write


def changed(**branch):
    data = json.loads(json.dumps(SETUP))
    data["companies"][0]["branches"][0].update(branch)
    return data


def test_a_set_up_is_written_once_and_found_again(apply):
    first, again = json.loads(apply()), json.loads(apply())

    assert set(first) == {"created"}
    assert again == {"unchanged": first["created"]}
    with every_company():
        branch = Branch.objects.get()
        assert str(branch.pk) == "14b9996c-4ebe-11f0-b9c1-0ad77e7a9793"
        assert PhoneNumber.objects.get().number == "+493083793369"
        retell = ProviderAccount.objects.get(provider="retell")
    assert retell.webhook_secrets == ("k1", "k2")


def test_what_a_file_leaves_out_stays(apply):
    apply(changed(calcom_event_type_id=7, address="Gasse 1"))

    assert json.loads(apply())["unchanged"] > 0

    with every_company():
        branch = Branch.objects.get()
    assert (branch.calcom_event_type_id, branch.address) == (7, "Gasse 1")


@pytest.mark.parametrize(
    ("branch", "place"),
    [
        ({"phone_numbers": ["12"]}, "branches[0].phone_numbers[0]"),
        ({"opening_hours": {"mon": ["9-12"]}}, "branches[0].opening_hours"),
        ({"opening_hours": {"mo": []}}, "branches[0].opening_hours"),
        ({"timezone": "Europe/Atlantis"}, "branches[0].timezone"),
        ({"colour": "red"}, "branches[0].colour"),
        ({"staff": [{"name": "Udo", "services": ["Rasur"]}]}, "'Rasur'"),
    ],
)
def test_a_mistake_names_its_place_and_changes_nothing(apply, branch, place):
    with pytest.raises(CommandError) as error:
        apply(changed(**branch))

    assert place in str(error.value)
    with every_company():
        assert not Company.objects.exists()


def test_a_number_of_another_branch_is_refused(apply):
    apply()
    with pytest.raises(CommandError, match="another branch"):
        apply(changed(slug="ost", id=None))


@pytest.mark.parametrize("content", ["{", "companies: []", "- 1"])
def test_a_file_that_is_none_is_refused(tmp_path, content):
    path = tmp_path / "setup.yaml"
    path.write_text(content)

    with pytest.raises(CommandError):
        run("import_setup", str(path))
    with pytest.raises(CommandError, match="can't be read"):
        run("import_setup", str(tmp_path / "nowhere.yaml"))


def test_preflight_names_the_two_classic_gaps_until_they_are_filled(apply):
    apply()
    out = StringIO()
    with pytest.raises(CommandError, match="0 of 1 branches"):
        call_command("preflight", "--json", stdout=out)
    gaps = json.loads(out.getvalue())["branches"][0]["gaps"]
    assert {gap["code"] for gap in gaps} == {"calcom_event_type_id", "retell_agent_id"}
    assert all(gap["problem"] and gap["remedy"] for gap in gaps)

    apply(changed(calcom_event_type_id=2026361, retell_agent_id="agent_1"))

    assert "ready" in run("preflight", "--company", "salon")


def test_preflight_without_any_branch_says_what_to_do():
    with pytest.raises(CommandError, match="import_setup"):
        run("preflight")


def test_a_number_is_resolved_in_any_spelling(apply):
    apply()

    found = json.loads(run("phone_resolve", "+49 (0) 30 83793369", "--json"))

    assert (found["number"], found["branch"]) == ("+493083793369", "mitte")
    for number, words in (("+493099999999", "no active branch"), ("x", "no telephone")):
        with pytest.raises(CommandError, match=words):
            run("phone_resolve", number)


@pytest.mark.parametrize("by", ["number", "slug", "id"])
def test_recent_calls_of_a_company_and_no_other(apply, by):
    apply()
    with every_company():
        company, branch = Company.objects.get(), Branch.objects.get()
        other = Company.objects.create(name="Andere", slug="andere")
    with scope(company.pk):
        Call.objects.create(
            company=company, branch=branch, call_id="c1", correlation_id="c1"
        )
    name = {"number": company.number, "slug": "salon", "id": company.pk}[by]

    calls = json.loads(run("calls_recent", "--company", str(name), "--json"))["calls"]

    assert [call["call_id"] for call in calls] == ["c1"]
    assert "No calls yet" in run("calls_recent", "--company", other.slug)
    with pytest.raises(CommandError, match="Known: andere, salon"):
        run("calls_recent", "--company", "nobody")


def test_failed_deliveries_are_counted_and_started_again(apply):
    apply()
    with every_company():
        account = ProviderAccount.objects.get(provider="retell")
        for number, state in enumerate(("dead", "unresolved", "done", "dead")):
            log = WebhookLog.objects.create(
                account=account,
                provider="retell",
                event="call_started",
                external_key=bytes([number]) * 32,
                state=state,
                received_at="2026-11-25T12:00:00Z",
            )
            if number < 3:
                WebhookBody.objects.create(log=log, raw=b"{}")

    dry = json.loads(run("webhooks_retry_failed", "--dry-run", "--json"))
    wet = json.loads(run("webhooks_retry_failed", "--state", "dead", "--json"))

    assert (dry["deliveries"], wet["deliveries"]) == (2, 1)
    with every_company():
        states = sorted(WebhookLog.objects.values_list("state", flat=True))
    assert states == ["dead", "done", "retrying", "unresolved"]


def test_circuits_and_the_cache_are_reset(apply):
    apply()

    found = json.loads(run("circuit_breaker_reset", "calcom", "--json"))

    assert found == {"accounts": [{"company": "salon", "was": "closed"}]}
    assert "forgotten" in run("cache_clear")
    with every_company():
        ProviderAccount.objects.filter(provider="calcom").delete()
    with pytest.raises(CommandError, match="no such account"):
        run("circuit_breaker_reset", "calcom")


def test_services_keep_their_names(apply):
    apply()
    with every_company():
        assert Service.objects.get().name == "Schnitt"


def test_what_a_set_up_file_leaves_out_stays_as_it_is(tmp_path):
    path = tmp_path / "setup.yaml"
    path.write_text(json.dumps(SETUP))
    call_command("import_setup", str(path), stdout=StringIO())
    with every_company():
        Service.objects.update(buffer_after_min=10, capacity=4, synonyms=["Haare"])
        ProviderAccount.objects.filter(provider="retell").update(
            base_url="https://eu.example"
        )

    call_command("import_setup", str(path), stdout=StringIO())

    with every_company():
        service = Service.objects.get()
        account = ProviderAccount.objects.get(provider="retell")
    assert (service.buffer_after_min, service.capacity) == (10, 4)
    assert service.synonyms == ["Haare"]
    assert account.base_url == "https://eu.example"


def test_prices_are_as_they_were_written(tmp_path):
    setup = copy.deepcopy(SETUP)
    setup["companies"][0]["branches"][0]["services"][0]["price_eur"] = 35.99
    path = tmp_path / "setup.yaml"
    path.write_text(json.dumps(setup))
    call_command("import_setup", str(path), stdout=StringIO())
    again = StringIO()

    call_command("import_setup", str(path), "--json", stdout=again)

    assert "changed" not in json.loads(again.getvalue())


@pytest.mark.parametrize(
    ("slug", "address", "complaint"),
    [("andere", "", "belongs to something else"), ("mitte", "x" * 999, "too long")],
)
def test_what_the_database_refuses_is_told_in_words(tmp_path, slug, address, complaint):
    path = tmp_path / "setup.yaml"
    path.write_text(json.dumps(SETUP))
    call_command("import_setup", str(path), stdout=StringIO())
    other = copy.deepcopy(SETUP)
    branch = other["companies"][0]["branches"][0]
    branch |= {"slug": slug, "address": address, "phone_numbers": []}
    path.write_text(json.dumps(other))

    with pytest.raises(CommandError, match=complaint):
        call_command("import_setup", str(path), stdout=StringIO())
