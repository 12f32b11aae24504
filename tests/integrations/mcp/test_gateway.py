"""Whose call a question belongs to, and what is left of it whatever happens inside."""

from __future__ import annotations

from typing import Any

import pytest

from bookings.models import Callback
from integrations.mcp import gateway, registry
from integrations.mcp.askers import SignedAsker
from integrations.mcp.registry import Tool, register
from integrations.models import ToolCall
from integrations.retell import calls
from tenants.accounts import AccountKeys, keys_of
from tenants.models import ProviderAccount
from tenants.scoping import every_company, scope
from tests import factories

pytestmark = pytest.mark.django_db

NUMBER = "+493083793369"


@pytest.fixture
def broken_tool():
    @register
    class Broken(Tool):
        """A tool with a mistake in it."""

        name = "broken_for_a_test"
        title = title_de = "Broken"
        description = description_de = "Fails."
        hints = registry.READS
        needs_ready_branch = False

        def run(self, caller: Any, wanted: Any) -> Any:
            raise KeyError("oops")

    yield Broken.name
    del registry._tools[Broken.name]


@pytest.fixture
def branch():
    branch = factories.make_branch(company=factories.make_company())
    factories.make_number(branch=branch, number=NUMBER)
    factories.make_account(company=branch.company, provider="retell")
    return branch


def account_of(branch) -> AccountKeys:
    with scope(branch.company_id):
        account = ProviderAccount.objects.get(company=branch.company_id)
    keys = keys_of("retell", account.endpoint)
    assert keys is not None
    return keys


def ask(branch, tool="get_current_context", call=None, **sent):
    account = account_of(branch)
    facts = None
    if call:
        facts = calls.facts_of(call, account_id=account.id, status="started")
    return gateway.answer(gateway.Asked(SignedAsker(account, facts), tool, sent))


def call(**values):
    given = {"call_id": "call_a", "to_number": NUMBER, "from_number": "+493023125042"}
    return {key: value for key, value in (given | values).items() if value}


def test_a_mistake_of_ours_becomes_a_sentence_and_a_callback(branch, broken_tool):
    answer = ask(branch, broken_tool, call())

    assert (answer.code, answer.success) == ("internal", False)
    assert "Rückruf" in answer.say
    with scope(branch.company_id):
        assert Callback.objects.get().phone == "+493023125042"
        kept = ToolCall.objects.get()
    assert (kept.error, kept.code) == ("KeyError", "internal")


def test_what_was_said_is_not_kept_in_the_log(branch):
    ask(branch, "request_callback", call(), customer_name="Erika", kundin="Erika")

    with scope(branch.company_id):
        kept = ToolCall.objects.get()
    assert "Erika" not in str(kept.arguments)
    assert kept.unknown_arguments == 1


def test_a_call_without_its_numbers_is_known_by_its_id_while_it_lasts(branch):
    bare = call(to_number=None, from_number=None)
    unknown = ask(branch, call=bare)
    ask(branch, call=call())

    known = ask(branch, call=bare)
    by_argument = ask(branch, call_id="call_a")
    with scope(branch.company_id):
        branch.calls.update(status="ended")
    over = ask(branch, call_id="call_a")

    assert [one.code for one in (unknown, known, by_argument, over)] == [
        "not_permitted",
        "ok",
        "ok",
        "not_permitted",
    ]


@pytest.mark.parametrize("made_up", ["", "{{call_id}}", "call_1", "None", "CALL_A"])
def test_an_id_that_a_model_made_up_is_nobodys(branch, made_up):
    ask(branch, call=call())

    assert ask(branch, call_id=made_up).code == "not_permitted"


def test_an_account_reaches_only_its_own_company(branch):
    stranger = factories.make_branch(company=factories.make_company())
    factories.make_account(company=stranger.company, provider="retell")

    answer = ask(stranger, call=call())

    assert answer.code == "not_permitted"
    with every_company():
        assert ToolCall.objects.get().company_id is None
