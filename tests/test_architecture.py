"""The arrows of the house, enforced: who may import whom, and who may look across."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
#: An app may import itself and what stands left of it.
ORDER = ["tenants", "bookings", "integrations", "webhooks", "askpro"]
#: The floor, which all may import.
FLOOR = {"askpro.errors", "askpro.correlation", "askpro.ids", "askpro.actor"}
#: Who may leave a company's scope, and why.
MAY_LOOK_ACROSS = {
    "tenants/scoping.py": "defines it",
    "tenants/resolver.py": "finds whose call it is before a company is known",
    "tenants/accounts.py": "reads the keys of the account that a door verifies with",
    "tenants/isolation/catalogue.py": "reads the database's catalogue in a role",
    "tenants/isolation/ways.py": "keeps the result, which names no company's row",
    "tenants/companies.py": "finds the company that an operator named",
    "tenants/middleware.py": "opens it for operators",
    "tenants/choice.py": "asks whose companies somebody's are, and their names",
    "tenants/admin_choice.py": "asks what an operator of every company may open",
    "tenants/uses.py": "notes when the platform's own secrets were used",
    "tenants/audit.py": "writes what concerns the platform alone",
    "bookings/calls.py": "finds a stored call by account and exact id",
    "bookings/tasks.py": "the sweep",
    "integrations/isolation.py": "reads the database's catalogue in a role",
    "integrations/journal.py": "keeps exchanges of the platform's own accounts",
    "integrations/mcp/gateway.py": "keeps the answers to unresolved calls",
    "webhooks/health.py": "counts what waits at a company's own account",
    "webhooks/objectives.py": "figures of the whole installation, or of one company",
    "webhooks/metrics.py": "sums of the whole installation that name no company",
    "webhooks/inbox.py": "the door's INSERT",
    "webhooks/unread.py": "what is signed of one call and belongs to nobody yet",
    "webhooks/tasks.py": "the sweep",
    "webhooks/claims.py": "leases deliveries before their company is known",
    "webhooks/processing.py": "settles deliveries, resolved or not",
    "webhooks/counts.py": "counts what every account delivers",
    "webhooks/reconcile.py": "asks every account what it did not tell",
    "webhooks/quarantine.py": "deliveries that belong to no company yet",
    "webhooks/retention.py": "forgets what was said, for every company",
    "webhooks/providers/calcom.py": "finds whose booking an event is about",
    "askpro/management/commands/import_setup.py": "writes the companies of a file",
    "tenants/management/commands/mcp_key_list.py": "lists every company's keys",
    "tenants/management/commands/rotate_field_keys.py": "every company's secrets",
    "tenants/management/commands/preflight.py": "lists every company's branches",
    "integrations/management/commands/circuit_breaker_reset.py": "any account's",
    "webhooks/management/commands/webhooks_pause.py": "an operator names what waits",
    "webhooks/management/commands/webhooks_resume.py": "an operator names what goes on",
    "webhooks/management/commands/trace.py": "any company's",
    "webhooks/management/commands/webhooks_retry_failed.py": "any company's",
    "askpro/checks/accounts.py": "looks whether any account points at the sandbox",
    "askpro/bench/growth.py": "fills a table of its own with every company's rows",
    "askpro/management/commands/demo.py": "sets the demo company up",
}


def _sources() -> list[Path]:
    return [
        path.relative_to(ROOT)
        for app in ORDER
        for path in sorted((ROOT / app).rglob("*.py"))
    ]


def _written() -> list[Path]:
    """Return the sources that people wrote: not the generated migrations."""
    return [path for path in _sources() if "migrations" not in path.parts]


def _imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield every imported module, and whether the import stands at the top."""
    tree = ast.parse((ROOT / path).read_text())
    top = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, id(node) in top
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield f"{node.module}.{alias.name}", id(node) in top


@pytest.mark.parametrize("path", _sources(), ids=str)
def test_imports_point_leftwards(path):
    own = ORDER.index(path.parts[0])
    for module, _ in _imports(path):
        app = module.split(".")[0]
        if app not in ORDER or any(module.startswith(floor) for floor in FLOOR):
            continue
        assert ORDER.index(app) <= own, f"{path} imports {module}"


def test_requests_is_used_in_one_place():
    users = {
        str(path)
        for path in _sources()
        for module, _ in _imports(path)
        if module.split(".")[0] == "requests"
    }

    assert users == {"integrations/http.py"}


def test_only_the_listed_modules_look_across_companies():
    users = {
        str(path)
        for path in _sources()
        if "every_company(" in (ROOT / path).read_text()
        or "every_company if" in (ROOT / path).read_text()
    }

    assert users <= set(MAY_LOOK_ACROSS), users - set(MAY_LOOK_ACROSS)


@pytest.mark.parametrize(
    "path",
    [path for path in _sources() if path.parts[:2] == ("integrations", "sandbox")],
    ids=str,
)
def test_the_sandbox_is_a_stranger(path):
    for module, _ in _imports(path):
        app = module.split(".")[0]
        assert app not in ORDER or module.startswith("integrations.sandbox"), module


@pytest.mark.parametrize("path", _written(), ids=str)
def test_files_stay_small(path):
    assert len((ROOT / path).read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", _written(), ids=str)
def test_functions_stay_small(path):
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 45, node.name
