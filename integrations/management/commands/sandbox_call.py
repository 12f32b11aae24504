"""Play a caller of the sandbox's Retell against a running AskPro."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from integrations.sandbox.caller import CallRejected
from integrations.sandbox.scenarios import SCENARIOS, play
from integrations.sandbox.world import SandboxUnreachable, World
from tenants import keys, resolver
from tenants.management.refused import NotInProduction
from tenants.models import ApiKey, Branch, Company
from tenants.scoping import scope

WEB_URL = "http://127.0.0.1:8000"
SANDBOX_URL = "http://127.0.0.1:8090"


class Command(NotInProduction):
    help = "Play callers: ring, talk, hang up, signed as Retell signs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--scenario",
            required=True,
            choices=[*SCENARIOS, "all"],
            help="; ".join(
                (scenario.__doc__ or "").splitlines()[0].replace("%", "%%")
                for scenario in SCENARIOS.values()
            ),
        )
        parser.add_argument("--web", default=WEB_URL, help="address of our web server")
        parser.add_argument("--sandbox", default=SANDBOX_URL, help="its address")
        parser.add_argument("--to", default="", help="number called, E.164")
        parser.add_argument(
            "--from", default="", dest="from_number", help="the callers' number"
        )
        parser.add_argument("--service", default="", help="what the callers want")
        parser.add_argument(
            "--webhook-key", default="", help="signs; default: the sandbox's own"
        )
        parser.add_argument(
            "--door",
            choices=("mcp", "function"),
            default="mcp",
            help="how the agents use our tools",
        )
        parser.add_argument(
            "--key", default="", help="for MCP; default: one for an hour, made here"
        )
        parser.add_argument("--json", action="store_true", dest="as_json")

    def handle(self, *args: Any, **options: Any) -> None:
        letters = list(SCENARIOS)
        if options["scenario"] != "all":
            letters = [options["scenario"]]
        calls: list[dict[str, Any]] = []
        try:
            world = World.of_sandbox(
                options["web"],
                options["sandbox"].rstrip("/"),
                webhook_key=options["webhook_key"],
                to_number=options["to"],
                from_number=options["from_number"],
                service=options["service"],
            )
            if options["door"] == "mcp":
                world.mcp_key = options["key"] or _key_for(world.to_number)
            for letter in letters:
                played = play(letter, world)
                calls += played
                if not options["as_json"]:
                    self._print(played)
        except SandboxUnreachable as error:
            raise CommandError(str(error)) from error
        except CallRejected as error:
            raise CommandError(
                f"AskPro rejected the call to {world.to_number}. Look at the branch "
                "with `manage.py preflight`."
            ) from error
        if options["as_json"]:
            self.stdout.write(json.dumps({"calls": calls}, ensure_ascii=False))
        self._judge(calls)

    def _print(self, calls: list[dict[str, Any]]) -> None:
        for call in calls:
            self.stdout.write(
                f"\nSzenario {call['scenario']} · Anruf {call['call_id']} · "
                f"Vorgang {call['correlation_id']}"
            )
            for step in call["steps"]:
                self._print_step(step)
            self.stdout.write(f"  → {call['outcome']}  {call['starts_at'] or ''}")

    def _print_step(self, step: dict[str, Any]) -> None:
        at = f"{step['at_ms'] / 1000:8.2f} s"
        if step["said"]:
            self.stdout.write(f"{at}  Anrufer: „{step['said']}“")
        wanted = ", ".join(f"{k}={v}" for k, v in step["arguments"].items())
        self.stdout.write(
            f"{at}    {step['kind']} {step['name']}({wanted}) → {step['outcome']}, "
            f"{step['duration_ms']} ms"
        )
        if step["heard"]:
            self.stdout.write(f"{at}  Agent:   „{step['heard']}“")

    def _judge(self, calls: list[dict[str, Any]]) -> None:
        """Fail where an answer wasn't one that the scenario allows."""
        odd = [
            f"{call['scenario']} ({call['call_id']}): {complaint}"
            for call in calls
            for complaint in call["complaints"]
        ]
        if odd:
            raise CommandError(
                "Not as expected:\n  "
                + "\n  ".join(odd)
                + "\nIf calls are refused with 401, pass the key that the platform's "
                "Retell account knows as --webhook-key; if nothing answers, start "
                "`manage.py web`; if an answer is ambiguous, name a service with "
                "--service; if nothing is booked, start the workers and look at "
                "`manage.py preflight`."
            )


def _key_for(number: str) -> str:
    """Return a key of the company that answers this number, good for an hour.

    :raises CommandError: nobody answers it here.
    """
    owner = resolver.owner_of_number(number)
    if owner is None:
        raise CommandError(
            f"Nobody answers {number} in this database: pass a key as --key (made by "
            "`manage.py mcp_key_create`), or use --door function."
        )
    with scope(owner.company_id):
        company = Company.objects.get(pk=owner.company_id)
        branch = Branch.objects.get(pk=owner.branch_id)
    _, plain = keys.make(
        company,
        "sandbox_call",
        [ApiKey.Scope.BOOKING],
        branch=branch,
        expires_at=timezone.now() + timedelta(hours=1),
    )
    return plain
