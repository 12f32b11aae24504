"""Two companies, an unprotected copy of the views, and what attacks are run on."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connections

from askpro import embedded
from integrations.sql.views import VIEWS
from tests import factories as make
from tests.integrations.sql.attack import SECRET, Attack, Outcome, Overloads
from tests.system import eventually

PATIENCE_S, SHORT_S = 10.0, 0.3
PHONE = "+493011112222"
#: Beside the rows: what an attack could leave in the server.
#: Roles are the whole server's: those that other tests make beside come and go.
_LEFT_BEHIND = (
    "SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_proc),"
    " (SELECT count(*) FROM pg_largeobject_metadata), (SELECT count(*) FROM pg_policy),"
    " (SELECT count(*) FROM pg_extension), (SELECT count(*) FROM pg_description),"
    " (SELECT sum(hashtext(r::text)) FROM pg_roles r"
    r"  WHERE rolname NOT LIKE 'test\_%%' OR rolname = %(low)s),"
    " (SELECT sum(hashtext(c.relacl::text)) FROM pg_class c),"
    " (SELECT sum(hashtext(s::text)) FROM pg_db_role_setting s JOIN pg_roles r"
    r"  ON r.oid = setrole WHERE rolname NOT LIKE 'test\_%%' OR rolname = %(low)s),"
    " (SELECT sum(hashtext(s::text)) FROM pg_sequences s)"
)
#: Written by every query on purpose.
_WRITTEN = {"tenants_auditentry", "sql_ticket"}


def furnish(slug, **values):
    """Return a company with one row of everything that a view shows."""
    company = make.make_company(slug)
    branch = make.make_branch(company=company, name=f"Filiale {slug}")
    account = make.make_account(company=company, provider="retell")
    make.make_number(branch=branch)
    service = make.make_service(branch=branch, name=f"Schnitt {slug}")
    make.make_staff(branch=branch, services=[service])
    customer = make.make_customer(
        company=company, **{"name": f"Kundin {slug}", "phone": PHONE} | values
    )
    call = make.make_call(branch=branch, account=account, customer=customer)
    appointment = make.make_appointment(
        branch=branch, service=service, call=call, customer=customer
    )
    make.make_offer(call=call, service=service)
    make.make_change(appointment=appointment, call=call)
    make.make_callback(branch=branch, call=call)
    make.make_notification(appointment=appointment)
    make.make_tool_call(company=company, call_row_id=call.pk)
    make.make_provider_request(company=company, account=account)
    make.make_delivery(account=account, company=company)
    return company


class Stage:
    """Where attacks are run: unprotected, and as the reader."""

    def __init__(self) -> None:
        # Theirs first: what is looked at row by row meets the secret at once.
        self.theirs = furnish("werkstatt", email=f"{SECRET}0")
        for number in range(1, 4):
            make.make_customer(company=self.theirs, email=f"{SECRET}{number}")
        self.mine = furnish("salon", email=None)
        for _ in range(43):
            make.make_customer(company=self.mine, email=None)
        #: What must stay as it is; asked anew after what was meant to change it.
        self.untouched: list[object] | None = None
        self.low = f"test_low_{connections['default'].settings_dict['NAME']}"
        self.admin = self.superuser()
        self._copy()
        self._tables = [
            name
            for (name,) in self.admin.execute(
                "SELECT relname FROM pg_class WHERE relkind = 'r'"
                " AND relnamespace IN ('public'::regnamespace, 'plain'::regnamespace)"
            )
            if name not in _WRITTEN
        ]

    def superuser(self) -> psycopg.Connection:
        url = embedded.superuser_url(embedded.var_folder())
        name = connections["default"].settings_dict["NAME"]
        return psycopg.connect(url, dbname=name, autocommit=True)

    def _copy(self) -> None:
        """Make the views as somebody careless would: a filter, and nothing else."""
        run = self.admin.execute
        run("CREATE SCHEMA plain")
        run("CREATE TABLE plain.canary (line text)")
        run("CREATE TABLE plain.stock AS SELECT 1 AS one")
        run(
            "CREATE FUNCTION plain.company() RETURNS text LANGUAGE plpgsql STABLE AS"
            " 'BEGIN RETURN current_setting(''plain.company''); END'"
        )
        for view in VIEWS.values():
            joint = "AND" if " WHERE " in view.source else "WHERE"
            alias = view.source.split()[1]
            run(
                f"CREATE VIEW plain.{view.name} AS {view.statement}"
                f" {joint} {alias}.company_id::text = plain.company()"
            )
        run(f"CREATE ROLE {self.low}")
        run(f"GRANT USAGE ON SCHEMA plain TO {self.low}")
        run(f"GRANT SELECT ON ALL TABLES IN SCHEMA plain TO {self.low}")
        # PostgreSQL's own way: everybody may.
        run(f"GRANT EXECUTE ON FUNCTION set_config(text, text, boolean) TO {self.low}")
        run("ANALYZE public.bookings_customer")
        run("SELECT pg_advisory_lock(4711)")

    def close(self) -> None:
        self.admin.execute("DROP SCHEMA plain CASCADE")
        self.admin.execute(f"DROP OWNED BY {self.low}")
        self.admin.execute(f"DROP ROLE {self.low}")
        self.admin.close()

    def fingerprint(self) -> list[object]:
        """Return what every row is, and what else an attack could leave behind."""
        rows = " UNION ALL ".join(
            f"SELECT '{name}', count(*), sum(hashtext(t::text)::bigint)::text"
            f" FROM {name} t"
            for name in self._tables
        )
        self.admin.execute("SET search_path = public, plain")
        return [
            *self.admin.execute(rows).fetchall(),
            *self.admin.execute(_LEFT_BEHIND, {"low": self.low}).fetchall(),
        ]

    def spelled(self, attack: Attack, *, setting: str, victim: int = 0) -> str:
        """Return the text as a careless front end makes it."""
        text = attack.text
        for value in attack.bindings:
            mark = "%s" if "%s" in text else "?"
            text = text.replace(mark, f"'{value}'", 1)
        return self.named(attack.read(text), setting, victim)

    def named(self, text: str, setting: str = "", victim: int = 0) -> str:
        named = {"b": self.theirs.pk, "setting": setting, "victim": victim}
        for name, value in (named | {"low": self.low}).items():
            text = text.replace(f"{{{name}}}", str(value))
        return text

    # --- running -----------------------------------------------------------------

    def unprotected(self, attack: Attack) -> Outcome:
        """Run it where nothing is in its way; what it did is undone."""
        self.untouched = None
        with self.superuser() as connection, self.victim(attack) as victim:
            connection.execute("SET search_path = plain, public")
            connection.execute(f"SET plain.company = '{self.mine.pk}'")
            connection.execute("SET statement_timeout = '20s'")
            if attack.begins:
                connection.execute(self.named(attack.begins))
            if not attack.is_outside:
                connection.execute("BEGIN")
            text = self.spelled(attack, setting="plain.company", victim=victim)
            proof = getattr(attack.success, "proof", "SELECT 1")
            proof = self.named(proof, victim=victim)
            before = connection.execute(proof).fetchall()
            outcome = run(connection, text, attack)
            outcome.proofs = (before, _afterwards(connection, proof, before, attack))
            if connection.info.transaction_status.name != "IDLE":
                connection.execute("ROLLBACK")
        self.admin.execute("TRUNCATE plain.canary")
        return outcome

    @contextmanager
    def victim(self, attack: Attack) -> Iterator[int]:
        """Yield the process of a session of the other company, at work."""
        if not attack.is_about_sessions:
            yield 0
            return
        given = connections["reader"].get_connection_params()
        names = ("dbname", "user", "password", "host", "port")
        connection = psycopg.connect(
            **{name: given[name] for name in names if name in given}, autocommit=True
        )
        try:
            connection.execute("SET statement_timeout = 0")
            # A query of theirs, with a value in it.
            connection.pgconn.send_query(
                f"SELECT '{SECRET}' FROM pg_class a, pg_class b, pg_class c,"
                " pg_class d ORDER BY md5(a.relname || b.relname) LIMIT 1".encode()
            )
            pid = connection.info.backend_pid
            eventually(lambda: self.is_at_work(pid))
            yield pid
            self.admin.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        finally:
            connection.close()

    def is_at_work(self, pid: int) -> bool:
        if not pid:
            return True
        found = self.admin.execute(
            "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND state = 'active'", [pid]
        )
        return found.fetchone() is not None


def _afterwards(connection, proof, before, attack):
    """Return what the proof finds now; another session may need a moment to end."""
    if connection.info.transaction_status.name == "INERROR":
        return before
    deadline = time.monotonic() + (1.0 if "{victim}" in attack.text else 0.0)
    while True:
        connection.execute("SELECT pg_stat_clear_snapshot()")
        after = connection.execute(proof).fetchall()
        if after != before or time.monotonic() > deadline:
            return after
        time.sleep(0.02)


def run(connection: psycopg.Connection, text: str, attack: Attack) -> Outcome:
    """Run a text on a connection as it is, and end it when it takes too long."""
    outcome = Outcome()
    connection.add_notice_handler(lambda notice: _add(outcome, notice))
    patience_s = SHORT_S if isinstance(attack.success, Overloads) else PATIENCE_S
    timer = threading.Timer(patience_s, connection.cancel)
    timer.start()
    try:
        outcome.rows = list(_rows(connection, text))
    except psycopg.errors.QueryCanceled:
        outcome.is_cancelled = True
    except psycopg.Error as error:
        outcome.said += str(error)
        _add(outcome, error.diag)
    finally:
        timer.cancel()
        timer.join()
    if attack.name == "NOTIFY":
        heard = connection.notifies(timeout=0.1, stop_after=1)
        outcome.rows += [(f"heard: {one.payload}",) for one in heard]
    return outcome


def _rows(connection, text):
    with connection.cursor() as cursor:
        if text.startswith("COPY") and text.endswith("STDOUT"):
            with cursor.copy(text) as copy:
                yield from ((bytes(line).decode(),) for line in copy)
            return
        cursor.execute(text)
        while True:
            if cursor.description:
                yield from cursor.fetchall()
            if not cursor.nextset():
                return


def _add(outcome: Outcome, told: psycopg.errors.Diagnostic) -> None:
    names = ("message_primary", "message_detail", "message_hint", "context",
             "internal_query")  # fmt: skip
    outcome.said += " ".join(str(getattr(told, name)) for name in names)


_PARSE = """
import sys, threading
from pglast import parser
text = sys.stdin.read()
def parse():
    try:
        parser.parse_sql(text)
    except Exception:
        pass
threading.stack_size(int(sys.argv[1]) * 1024)
thread = threading.Thread(target=parse)
thread.start()
thread.join()
"""


def crashes(text: str, *, stack_kb: int) -> bool:
    """Tell whether a process dies that parses a text in a thread of such a stack."""
    done = subprocess.run(
        [sys.executable, "-c", _PARSE, str(stack_kb)],
        input=text,
        text=True,
        check=False,
    )
    return done.returncode < 0
