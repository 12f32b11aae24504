"""Pausing by command keeps everything, resuming works on it in order."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from bookings.models import Call
from tenants.models import AuditEntry, ProviderAccount
from tenants.scoping import every_company, scope
from tests.system import eventually
from tests.webhooks.test_doors import done, event, logs, post
from webhooks import pauses


def run(*arguments):
    out = StringIO()
    call_command(*arguments, "--json", stdout=out)
    return json.loads(out.getvalue())


def _platform():
    with every_company():
        return str(ProviderAccount.objects.get(company=None).pk)


@pytest.mark.parametrize("what", ["provider", "account", "company"])
def test_what_is_paused_waits_and_is_worked_on_in_order(system, salon, what):
    named = {
        "provider": ("--provider", "retell"),
        "account": ("--account", _platform()),
        "company": ("--company", salon.company.slug),
    }[what]
    first = run("webhooks_pause", *named, "--why", "the calendar moves")
    again = run("webhooks_pause", *named, "--why", "once more")
    bodies = [event() for _ in range(3)]

    assert [post(system, body).status for body in bodies] == [204] * 3
    with every_company():
        assert pauses.in_force().count() == 1
    waiting = [log.state for log in logs()]
    resumed = run("webhooks_resume", *named, "--why", "it has moved")

    done(3)
    assert (first["is_new"], again["is_new"], first["id"]) == (True, False, again["id"])
    assert waiting == ["received"] * 3
    assert resumed == {"resumed": 1}
    finished = sorted(logs(), key=lambda log: log.finished_at)
    assert [log.call_id for log in finished] == [
        body["call"]["call_id"] for body in bodies
    ]
    with scope(salon.company_id):
        assert Call.objects.count() == 3
    assert run("webhooks_resume", *named) == {"resumed": 0}


@pytest.mark.django_db
def test_a_pause_and_its_end_are_in_the_trail():
    run("webhooks_pause", "--provider", "calcom", "--why", "they asked for it")
    run("webhooks_resume", "--provider", "calcom", "--why", "they are back")

    with every_company():
        told = [
            entry.changes
            for entry in AuditEntry.objects.filter(subject="webhooks_webhookpause")
        ]
    words = json.dumps(told)
    assert len(told) == 2
    assert "they asked for it" in words
    assert "they are back" in words


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("named", "said"),
    [
        (("--company", "nobody"), "No company is called"),
        (("--account", "17"), "a UUID"),
        (("--account", "0199aaaa-0000-7000-8000-0000000000ff"), "No account"),
    ],
)
def test_what_does_not_exist_is_named(named, said):
    with pytest.raises(CommandError, match=said):
        call_command("webhooks_pause", *named, "--why", "x")
    with every_company():
        assert not pauses.in_force().exists()


def test_a_pause_holds_over_the_sweep(system, salon):
    run("webhooks_pause", "--provider", "retell", "--why", "a look at the numbers")
    post(system, event())
    other = eventually(lambda: logs())

    # The sweep comes each second; what is paused is late for nobody.
    system.restart("beat")
    assert [log.state for log in other] == ["received"]
    assert [log.attempts for log in logs()] == [0]
    run("webhooks_resume", "--provider", "retell")
    done(1)
