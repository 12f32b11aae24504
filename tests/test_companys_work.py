"""Work that nobody waits for carries its company: tasks, commands, signals.

Each is found in the code; what has no company stands here with its reason.
"""

from __future__ import annotations

import inspect
import json
import re
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.apps import apps
from django.core.exceptions import ObjectDoesNotExist
from django.core.management import CommandError, call_command, get_commands
from django.db.models import Model

from askpro.celery import app
from bookings.models import Appointment, Notification
from tenants import uses
from tenants.models import ApiKey, ProviderAccount
from tenants.scoping import NO_SCOPE, every_company, scope, wanted
from tests import factories as make
from tests.askpro.admin_wall.world import dump, make_world
from tests.test_architecture import ORDER, ROOT, _written

pytestmark = pytest.mark.django_db

#: Tasks that name no company, and why.
TASKS_OF_ALL = {
    "bookings.sweep": "looks for what is due, and nudges tasks that name a company",
    "webhooks.process": "whose a delivery is, is what it finds out",
    "webhooks.sweep": "asks whether anything is late",
    "webhooks.expire": "forgets what was said, by each company's days",
    "webhooks.ask_for_missing": "asks each account about its own calls",
    "webhooks.poll": "nudges a task for each account",
    "webhooks.poll_account": "an account is its company's, and bounds what is found",
    "tenants.isolation_check": "the break-in test",
}
#: Commands that ask for no company, and why.
COMMANDS_OF_ALL = {
    "worker": "a process of the product",
    "web": "a process of the product",
    "beat": "a process of the product",
    "demo": "sets the demo company up",
    "sandbox": "a stranger",
    "sandbox_call": "a stranger: rings at a door",
    "bench": "fills a database of its own",
    "backup_drill": "copies a whole database",
    "compile_catalogue": "texts of ours",
    "tools_reference": "texts of ours",
    "flush": "refused",
    "loaddata": "refused",
    "test": "refused",
    "testserver": "refused",
    "migrate": "tables, by their owner",
    "import_setup": "a file names its companies",
    "isolation_check": "two companies of its own",
    "rotate_field_keys": "every company's secrets, which nobody sees",
    "second_factor_reset": "a person, who may work in several companies",
    "mcp_key_revoke": "the key's shown beginning or id names it",
    "mcp_key_rotate": "the key's shown beginning or id names it",
    "phone_resolve": "a number names its branch",
    "trace": "an operator who has an id and asks whose it is",
}
#: Whatever listens to signals, and why it needs no company of its own.
LISTENERS = {
    "askpro/people/sessions.py": "ends a person's sessions, in whatever company",
    "tenants/sign_ins.py": "writes into the trails of the person's companies",
    "integrations/apps.py": "makes the views anew when tables were migrated",
    "askpro/celery.py": "hands on who acts, and in which call",
    "askpro/management/commands/worker.py": "notes how the worker itself ended",
}


def _tasks():
    return {
        name: task
        for name, task in app.tasks.items()
        if name.split(".")[0] in ORDER
    }  # fmt: skip


def _commands():
    ours = {config.name for config in apps.get_app_configs()}
    return {
        name
        for name, where in get_commands().items()
        if where in ours and where.split(".")[0] in ORDER
    }


# --- nothing is forgotten ---------------------------------------------------------


def test_every_task_names_its_company_or_is_listed():
    app.loader.import_default_modules()
    without = {
        name
        for name, task in _tasks().items()
        if "company_id" not in inspect.signature(task.run).parameters
    }

    assert len(_tasks()) > len(without)
    assert without == set(TASKS_OF_ALL)


def test_every_command_asks_for_a_company_or_is_listed():
    from django.core.management import load_command_class

    without = set()
    for name in _commands():
        command = load_command_class(get_commands()[name], name)
        parser = command.create_parser("manage.py", name)
        if "--company" not in parser._option_string_actions:
            without.add(name)

    assert without == set(COMMANDS_OF_ALL)


def test_every_listener_to_signals_is_listed():
    listens = re.compile(r"^@receiver|^\s*@?[\w.]+\.connect\((?!\))", re.MULTILINE)
    found = {
        str(path)
        for path in _written()
        if path.parts[:2] != ("askpro", "bench")
        and re.search(r"signals", (ROOT / path).read_text())
        and listens.search((ROOT / path).read_text())
    }

    assert found == set(LISTENERS)


# --- tried ---------------------------------------------------------------------------


def _row(model: type[Model], company):
    with every_company():
        return model._default_manager.filter(company=company).order_by("pk").first()


def _due(company) -> dict[str, str]:
    """Make a company's rows due for each task, and return their ids."""
    with every_company():
        message = _row(Notification, company)
        Notification.objects.filter(pk=message.pk).update(
            state="due", next_try_at=datetime.now(UTC) - timedelta(minutes=1)
        )
        appointment = _row(Appointment, company)
        Appointment.objects.filter(pk=appointment.pk).update(
            state="requested",
            intent="book",
            intent_state="requested",
            next_try_at=datetime.now(UTC) - timedelta(minutes=1),
        )
        account = ProviderAccount.objects.filter(company=company)[0]
        key = _row(ApiKey, company)
        return {
            "appointment_id": str(appointment.pk),
            "notification_id": str(message.pk),
            "key_id": str(key.pk),
            "account_id": str(account.pk),
            "at": datetime.now(UTC).isoformat(),
            "address": "192.0.2.1",
            "mark": uses.mark_of(account.webhook_secret),
        }


def _run(name: str, company, ids: dict[str, str]) -> None:
    task = _tasks()[name]
    wanted_arguments = inspect.signature(task.run).parameters
    given = {key: value for key, value in ids.items() if key in wanted_arguments}
    ended = task.apply(kwargs={"company_id": str(company.pk)} | given)
    if ended.failed():
        assert isinstance(ended.result, ObjectDoesNotExist), ended.traceback


def _named_tasks():
    app.loader.import_default_modules()
    return sorted(set(_tasks()) - set(TASKS_OF_ALL))


@pytest.mark.parametrize("name", _named_tasks())
def test_a_task_told_a_foreign_row_does_nothing_to_it(name):
    world = make_world()
    ids = _due(world.theirs)
    before = dump(world.theirs)

    _run(name, world.ours, ids)

    assert dump(world.theirs) == before
    assert wanted() == NO_SCOPE

    _run(name, world.theirs, ids)

    assert dump(world.theirs) != before


def test_what_a_command_prints_of_one_company_holds_nothing_of_another():
    world = make_world()
    for name, more in {
        "calls_recent": ["--limit", "50"],
        "mcp_key_list": [],
        "preflight": [],
    }.items():
        told, theirs = StringIO(), StringIO()
        for company, out in ((world.ours, told), (world.theirs, theirs)):
            try:
                call_command(
                    name, "--json", "--company", str(company.pk), *more, stdout=out
                )
            except CommandError:
                assert name == "preflight"  # it fails where something is missing

        assert json.loads(told.getvalue())
        assert world.found_in(theirs.getvalue()) != [], name
        assert world.found_in(told.getvalue()) == [], name


def test_a_lost_scope_is_no_ones():
    company = make.make_company("salon")
    with pytest.raises(RuntimeError), scope(company.pk):
        raise RuntimeError

    assert wanted() == NO_SCOPE
