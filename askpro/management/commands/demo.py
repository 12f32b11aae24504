"""The whole product on one machine, with calls that come in while one watches."""

from __future__ import annotations

import json
import secrets
import signal
import socket
import threading
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import yaml
from django.contrib.auth import get_user_model
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from askpro import embedded, setup_files
from askpro.demo import checks, play, sign_in
from askpro.demo.processes import BASE_DIR, Processes, ProcessFailed
from integrations.sandbox import wire
from integrations.sandbox.caller import CallRejected
from integrations.sandbox.retell_state import AGENT_ID
from integrations.sandbox.world import SandboxUnreachable, World
from tenants import keys, readiness
from tenants.management.refused import NotInProduction
from tenants.models import ApiKey, Branch, ProviderAccount
from tenants.scoping import every_company, let_go, scope

Json = dict[str, Any]
SETUP = BASE_DIR / "askpro" / "demo" / "company.yaml"
ADMIN = "admin@askpro.example"


class Command(NotInProduction):
    """Start everything, set the demo company up, play calls, check, go on running."""

    help = "Start everything and play real calls. Ctrl-C ends it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where to run and when to end."""
        parser.add_argument("--once", action="store_true", help="end after the calls")
        parser.add_argument("--json", action="store_true", help="print one JSON line")
        parser.add_argument("--port", type=int, default=8000, help="of the web server")
        parser.add_argument("--var", help="folder of the servers (default: var)")

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Run until it is done, or until SIGINT or SIGTERM."""
        self.is_json = options["json"]
        signal.signal(signal.SIGTERM, _interrupt)
        signal.signal(signal.SIGINT, _interrupt)
        var = embedded.var_folder()
        web_url = f"http://127.0.0.1:{options['port']}"
        says = {"ASKPRO_MODE": "demo", "PUBLIC_BASE_URL": web_url}
        try:
            with Processes(var / "log", **says) as processes:
                is_fine = self._play(processes, options["port"])
                if not options["once"]:
                    self._tell("\nEs läuft weiter. Strg-C beendet alles.")
                    let_go()
                    threading.Event().wait()
        except KeyboardInterrupt:
            self._tell("Beendet.")
            return
        except (ProcessFailed, SandboxUnreachable) as error:
            raise CommandError(str(error)) from error
        except CallRejected as error:
            raise CommandError("A call was rejected: run preflight.") from error
        if not is_fine:
            raise CommandError("Not every check holds: see above.")

    def _tell(self, text: str) -> None:
        stream = self.stderr if self.is_json else self.stdout
        stream.write(text, ending="\n", style_func=str)
        stream.flush()

    def _play(self, processes: Processes, port: int) -> bool:
        web_url = f"http://127.0.0.1:{_free(port)}"
        self._tell("1/5  Datenbank …")
        processes.run("migrate", "migrate", "--verbosity", "0")
        self._tell("2/5  Sandbox (Cal.com und Retell) …")
        processes.start("sandbox", "sandbox", "--port", "0", speaks=True)
        sandbox = processes.first_line("sandbox")
        self._tell("3/5  Firma und Filiale …")
        branch = self._set_up(sandbox)
        password = _admin_password()
        self._tell("4/5  Web, Worker, Uhr …")
        _start(processes, web_url)
        sandbox_url = sandbox["calcom"]["base_url"].rsplit("/", 1)[0]
        _subscribe(sandbox, branch, web_url)
        self._tell("5/5  Anrufe")
        world = World.of_sandbox(
            web_url,
            sandbox_url,
            to_number="+493083793369",
            service="Beratung",
            mcp_key=_agents_key(branch),
        )
        with scope(branch.company_id):
            reports = play.all_scenarios(world, tell=self._tell)
        return self._judge(branch, reports, sandbox, web_url, password)

    def _set_up(self, sandbox: Json) -> Branch:
        """Load the company, show its two gaps, fill them."""
        company: Json = yaml.safe_load(SETUP.read_text())
        first = company["companies"][0]
        first["calcom"] = {
            "base_url": sandbox["calcom"]["base_url"],
            "api_key": sandbox["calcom"]["api_key"],
            "webhook_secret": secrets.token_urlsafe(24),
        }
        branch = first["branches"][0]
        with every_company():
            _platform_account(sandbox)
            setup_files.apply(company)
            stored = Branch.objects.select_related("company").get(pk=branch["id"])
            Branch.objects.filter(pk=stored.pk).update(
                calcom_event_type_id=None, retell_agent_id=""
            )
            stored.refresh_from_db()
            self._show_gaps(stored)
            branch["calcom_event_type_id"] = sandbox["calcom"]["event_type_id"]
            branch["retell_agent_id"] = AGENT_ID
            setup_files.apply(company)
            stored.refresh_from_db()
            self._show_gaps(stored)
        return stored

    def _show_gaps(self, branch: Branch) -> None:
        gaps = readiness.gaps(branch)
        if not gaps:
            self._tell(f"     {branch.name}: bereit")
        for gap in gaps:
            self._tell(f"     {branch.name}: {gap.problem} → {gap.remedy}")

    def _judge(
        self,
        branch: Branch,
        reports: list[Json],
        sandbox: Json,
        web_url: str,
        password: str,
    ) -> bool:
        sandbox_url = sandbox["calcom"]["base_url"].rsplit("/", 1)[0]
        self._tell("\nVergleich unserer Zeilen mit dem Kalender")
        with scope(branch.company_id):
            judged = checks.all_checks(play.evidence(reports, sandbox_url))
            calls = [play.call_as_json(report) for report in reports]
        for check in judged:
            self._tell(f"  {'✓' if check.ok else '✗'} {check.name}: {check.detail}")
        link = f"{web_url}/admin/sign-in/{sign_in.token(ADMIN)}"
        self._tell(f"\nAdmin:     {link}\n           {ADMIN} / {password}")
        self._tell(f"Protokolle: {embedded.var_folder() / 'log'}")
        if self.is_json:
            line = {
                "calls": calls,
                "checks": [asdict(check) for check in judged],
                "urls": {
                    "web": web_url,
                    "admin": link,
                    "mcp": None,
                    "sandbox_calcom": sandbox["calcom"]["base_url"],
                    "sandbox_retell": sandbox["retell"]["base_url"],
                },
                "demo_keys": {
                    "mcp": None,
                    "calcom": sandbox["calcom"]["api_key"],
                    "retell_webhook": sandbox["retell"]["webhook_key"],
                },
            }
            self.stdout.write(json.dumps(line, ensure_ascii=False))
            self.stdout.flush()
        return all(check.ok for check in judged)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _free(port: int) -> int:
    """Return the port.

    :raises CommandError: somebody else listens there.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CommandError(
                f"Port {port} is in use: choose another with --port."
            ) from error
        return int(probe.getsockname()[1])


def _start(processes: Processes, web_url: str) -> None:
    port = web_url.rsplit(":", 1)[1]
    processes.start("web", "web", "--port", port)
    processes.start("live", "worker", "--queues", "live")
    processes.start("background", "worker", "--queues", "inbox,background")
    processes.start("beat", "beat")
    processes.wait_for("web", f"{web_url}/readyz")


def _platform_account(sandbox: Json) -> None:
    """Let the platform's Retell account be the sandbox's."""
    retell = sandbox["retell"]
    ProviderAccount.objects.update_or_create(
        company=None,
        provider=ProviderAccount.Provider.RETELL,
        defaults={
            "base_url": retell["base_url"],
            "api_key": retell["api_key"],
            "webhook_secret": retell["webhook_key"],
        },
    )


def _agents_key(branch: Branch) -> str:
    """Return the key with which the agents use our tools, good for a day."""
    with scope(branch.company_id):
        company = branch.company
    _, plain = keys.make(
        company,
        "Demo",
        [ApiKey.Scope.BOOKING],
        branch=branch,
        expires_at=timezone.now() + timedelta(days=1),
    )
    return plain


def _subscribe(sandbox: Json, branch: Branch, web_url: str) -> None:
    """Have Cal.com send its events to the company's own address."""
    with scope(branch.company_id):
        account = ProviderAccount.objects.get(
            company=branch.company_id, provider=ProviderAccount.Provider.CALCOM
        )
    address = f"{sandbox['calcom']['base_url']}/v2/webhooks"
    headers = {"Authorization": f"Bearer {sandbox['calcom']['api_key']}"}
    for old in wire.send("GET", address, headers=headers).json()["data"]:
        wire.send("DELETE", f"{address}/{old['id']}", headers=headers)
    wanted = {
        "active": True,
        "subscriberUrl": f"{web_url}/api/webhooks/calcom/{account.endpoint}",
        "triggers": [
            "BOOKING_CREATED",
            "BOOKING_RESCHEDULED",
            "BOOKING_CANCELLED",
            "BOOKING_REJECTED",
        ],
        "secret": account.webhook_secret,
    }
    reply = wire.send("POST", address, wire.compact(wanted), headers=headers)
    if not reply.is_success:
        raise SandboxUnreachable(f"The webhook was refused with HTTP {reply.status}.")


def _admin_password() -> str:
    """Return a new password of the demo's operator."""
    password = secrets.token_urlsafe(12)
    user, _ = get_user_model().objects.get_or_create(
        username=ADMIN,
        defaults={"email": ADMIN, "is_staff": True, "is_superuser": True},
    )
    user.set_password(password)
    user.save()
    return password
