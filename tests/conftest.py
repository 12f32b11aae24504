"""Real servers for every test: PostgreSQL, Redis, and the product's own processes.

The database of a test run is created and migrated by its owner; the code under test
signs in as the application, which owns nothing. Tests commit, as the product does;
the owner empties the tables afterwards.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import django
import psycopg
import pytest

from askpro import actor, correlation, embedded, embedded_files
from askpro.demo.processes import Processes
from tests import guard

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "askpro.settings")
_INHERITED_MODE = os.environ.get("ASKPRO_MODE", "")
os.environ["ASKPRO_MODE"] = "test"
# Tests are refused on purpose, and all of them from one address.
os.environ.setdefault("REFUSALS_PER_MINUTE", "1000000")
os.environ.setdefault("METRICS_TOKEN", "metrics of the tests, 32 long....")
embedded.prepare(owner=True)
guard.demand_test_servers(
    os.environ | {"ASKPRO_MODE": _INHERITED_MODE},
    embedded.sockets_under(embedded_files.home(embedded.var_folder())),
)

#: One database and one Redis database for each parallel test process.
_NUMBER = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
_DATABASE = f"test_askpro_{_NUMBER}_{os.getpid()}"


def _named(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


# A parallel process inherits the name of a database that is not its own.
_ADMIN_URL = _named(os.environ["DATABASE_OWNER_URL"], "postgres")


for _variable in ("DATABASE_URL", "DATABASE_READER_URL", "DATABASE_OWNER_URL"):
    os.environ[_variable] = _named(os.environ[_variable], _DATABASE)
os.environ["REDIS_URL"] = (
    os.environ["REDIS_URL"].split("?")[0] + f"?db={1 + int(_NUMBER) % 15}"
)

django.setup()

#: Emptied neither: the schedule, and what the sandbox resets by itself.
KEPT_PREFIXES = "django_celery_beat_", "sandbox_"
KEPT_TABLES = "django_migrations", "django_content_type", "auth_permission"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Let parallel processes read the settings after they named their databases."""
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker) -> Iterator[None]:
    """Create and migrate the database of this run through its owner."""
    from django.core.management import call_command
    from django.db import connections

    from tenants import resolver
    from webhooks import counts, inbox

    with psycopg.connect(_ADMIN_URL, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {_DATABASE} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {_DATABASE}")
    with django_db_blocker.unblock():
        call_command("migrate", verbosity=0)
        yield
        counts.flush(is_last=True)
        connections.close_all()
        connections["default"].close_pool()  # type: ignore[attr-defined]
        for statement in (resolver._OWNER, inbox._INSERT):
            statement.close()
    with psycopg.connect(_ADMIN_URL, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {_DATABASE}")


@pytest.fixture
def _django_db_helper(django_db_setup, django_db_blocker) -> Iterator[None]:
    """What the mark ``django_db`` means here: real commits, emptied afterwards."""
    from django.db import connections

    with django_db_blocker.unblock():
        yield
        connections.close_all()
        _empty()


def _empty() -> None:
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        guard.demand_test_database(owner.info.dbname)
        tables = [
            row[0]
            for row in owner.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            ).fetchall()
            if row[0] not in KEPT_TABLES and not row[0].startswith(KEPT_PREFIXES)
        ]
        # Workers still look at the tables: sometimes one of us is the victim. One that
        # was halted in the middle would hold them for ever.
        owner.execute("SET lock_timeout = '5s'")
        for _ in range(20):
            try:
                owner.execute(f"TRUNCATE {', '.join(tables)} CASCADE")
            except psycopg.errors.DeadlockDetected:
                continue
            except psycopg.errors.LockNotAvailable:
                _breathe()
                continue
            return
        raise AssertionError("the tables could not be emptied")


def _breathe() -> None:
    """Let workers at rest end what they were halted in."""
    from tests import system

    if _shift and not _shift["is_on"]:
        system.wake(_shift["processes"])
        system.rest(_shift["processes"])


@pytest.fixture(autouse=True)
def _own_story() -> Iterator[None]:
    """Let no test inherit who acted, and in which call, in another one."""
    with correlation.bound(""), actor.acting(actor.SYSTEM):
        yield


@pytest.fixture(scope="session")
def processes(django_db_setup, tmp_path_factory) -> Iterator[Processes]:
    """The processes of the product on this run's database, ended with the run."""
    with Processes(tmp_path_factory.mktemp("log")) as running:
        yield running


@pytest.fixture(scope="session")
def running_system(processes):
    """Sandbox, web, workers and clock, started once."""
    from tests import system

    started = system.start(processes)
    _shift.update(processes=processes, is_on=True)
    yield started
    system.wake(processes)


#: The workers that were started, and whether they work at this moment.
_shift: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def _workers(request: pytest.FixtureRequest) -> None:
    """Have the workers work for those tests alone that ask for the system."""
    from tests import system

    is_wanted = "running_system" in request.fixturenames
    if _shift and _shift["is_on"] != is_wanted:
        (system.wake if is_wanted else system.rest)(_shift["processes"])
        _shift["is_on"] = is_wanted


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Add the processes' last words to a test that failed with them."""
    report = yield
    processes = getattr(item, "funcargs", {}).get("running_system")
    if report.failed and processes is not None:
        from tests.system import logs_of

        report.sections.append(("processes", logs_of(processes.processes)))
    return report


@pytest.fixture
def system(running_system, _django_db_helper):
    """The running system, its sandbox as new."""
    from tests.system import eventually

    # A test before may have restarted PostgreSQL under it.
    eventually(running_system.is_as_new)
    return running_system


@pytest.fixture
def salon(system):
    """A company that is ready: number, agent, service, its own accounts."""
    from tests import salons

    return salons.make(system)
