"""Attacks that want to know, to write, to hold or to overload."""

from __future__ import annotations

from tests.integrations.sql.attack import (
    Attack,
    Changes,
    Crashes,
    Overloads,
    Tells,
    compatible,
)

CUSTOMERS = "SELECT count(*), min(name) FROM public.bookings_customer"
CANARY = "SELECT count(*) FROM plain.canary"
LOCKS = (
    "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND mode IN"
    " ('RowShareLock', 'ExclusiveLock', 'AccessExclusiveLock')"
    " AND locktype = 'relation'"
)
ADVISORY = (
    "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid()"
    " AND locktype = 'advisory'"
)
RELATIONS = "SELECT count(*) FROM pg_class"
SEQUENCE = "SELECT last_value, is_called FROM public.auth_group_id_seq"
VICTIM = "SELECT count(*) FROM pg_stat_activity WHERE pid = {victim}"
BUSY = VICTIM + " AND state = 'active'"
OBJECTS = "SELECT count(*) FROM pg_largeobject_metadata"


def _setting(name: str) -> Changes:
    return Changes(f"SELECT current_setting('{name}')")


KNOW = [
    Attack(name, text, Tells(word))
    for name, (text, word) in {
        "tables": ("SELECT relname FROM pg_class", "bookings_customer"),
        "tables, qualified": (
            "SELECT relname FROM pg_catalog.pg_class",
            "bookings_customer",
        ),
        "tables, quoted": (
            'SELECT "relname" FROM "pg_catalog"."pg_class"',
            "bookings_customer",
        ),
        "tables, escaped": (
            'SELECT relname FROM U&"pg\\005fclass"',
            "bookings_customer",
        ),
        "tables, upper case": ("SELECT RELNAME FROM PG_CLASS", "bookings_customer"),
        "information schema": (
            "SELECT table_name FROM information_schema.tables",
            "bookings_customer",
        ),
        "columns": ("SELECT attname FROM pg_attribute", "calcom_uid"),
        "roles": ("SELECT rolname FROM pg_roles", "askpro_owner"),
        "passwords": ("SELECT rolpassword FROM pg_authid", "SCRAM-SHA-256"),
        "passwords, by view": ("SELECT passwd FROM pg_shadow", "SCRAM-SHA-256"),
        "settings": ("SELECT name, setting FROM pg_settings", "data_directory"),
        "settings' file": ("SELECT name FROM pg_file_settings", "max_connections"),
        "rules of access": ("SELECT auth_method FROM pg_hba_file_rules", "scram"),
        "policies": ("SELECT policyname FROM pg_policies", "every_company"),
        "databases": ("SELECT datname FROM pg_database", "template1"),
        "functions": ("SELECT prosrc FROM pg_proc", "sql_ticket"),
        "definition of a view": (
            "SELECT pg_get_viewdef('reading.customers')",
            "bookings_customer",
        ),
        "definition of a function": (
            "SELECT pg_get_functiondef('reading.company'::regproc)",
            "sql_ticket",
        ),
        "numbers of rows": (
            "SELECT relname, n_live_tup FROM pg_stat_user_tables",
            "bookings_customer",
        ),
        "size": ("SELECT pg_size_pretty(pg_relation_size(1259))", "kB"),
        "version": ("SELECT version()", "PostgreSQL"),
        "who asks": ("SELECT current_user", "postgres"),
        "who asks, by function": ("SELECT session_user::text", "postgres"),
        "which database": ("SELECT current_catalog", "test_askpro"),
        "which schema": ("SELECT current_schemas(true)", "pg_catalog"),
        "setting": ("SELECT current_setting('data_directory')", "/"),
        "SHOW": ("SHOW data_directory", "/"),
        "SHOW ALL": ("SHOW ALL", "data_directory"),
        "file": ("SELECT pg_read_file('PG_VERSION')", "1"),
        "binary file": ("SELECT pg_read_binary_file('PG_VERSION')::text", "\\x"),
        "folder": ("SELECT pg_ls_dir('.')", "pg_wal"),
        "file's data": ("SELECT pg_stat_file('PG_VERSION')", "20"),
        "file by COPY": (
            "COPY plain.canary FROM '/etc/passwd'; SELECT * FROM plain.canary",
            "root",
        ),
        "role by cast": ("SELECT 'askpro_owner'::regrole::text", "askpro_owner"),
        "table by cast": (
            "SELECT 'public.bookings_customer'::regclass::text",
            "bookings_customer",
        ),
        "table by function": (
            "SELECT to_regclass('public.bookings_customer')::text",
            "bookings_customer",
        ),
        "rights by function": (
            "SELECT has_table_privilege('public.bookings_customer', 'SELECT')",
            "true",
        ),
        "role by function": ("SELECT pg_get_userbyid(10)::text", "postgres"),
        "extensions": ("SELECT name FROM pg_available_extensions", "vector"),
        "plan": ("EXPLAIN SELECT * FROM customers", "scan"),
        "rows that a plan left out": (
            "EXPLAIN ANALYZE SELECT * FROM customers",
            "Rows Removed by Filter",
        ),
        "address": ("SELECT pg_postmaster_start_time()::text", "20"),
        "table of a row": ("SELECT tableoid::regclass::text FROM plain.stock", "stock"),
        "type of a row": ("SELECT pg_typeof(c)::text FROM customers c", "customers"),
    }.items()
] + [
    Attack(
        "tables, fullwidth",
        "SELECT relname FROM ｐｇ＿ｃｌａｓｓ",
        Tells("bookings_customer"),
        read=compatible,
    ),
]

WRITE = [
    Attack(name, text, Changes(proof))
    for name, (text, proof) in {
        "INSERT": ("INSERT INTO plain.canary VALUES ('x')", CANARY),
        "UPDATE": ("UPDATE public.bookings_customer SET name = 'x'", CUSTOMERS),
        "UPDATE through a view": ("UPDATE branches SET name = 'x'",
                                  "SELECT min(name) FROM public.tenants_branch"),
        "DELETE": ("DELETE FROM public.bookings_notification",
                   "SELECT count(*) FROM public.bookings_notification"),
        "TRUNCATE": ("TRUNCATE public.bookings_notification",
                     "SELECT count(*) FROM public.bookings_notification"),
        "MERGE": ("MERGE INTO public.bookings_customer c USING (SELECT 1) s ON true"
                  " WHEN MATCHED THEN UPDATE SET name = 'x'", CUSTOMERS),
        "DELETE in a CTE": (
            "WITH x AS (DELETE FROM public.bookings_notification RETURNING id)"
            " SELECT count(*) FROM x",
            "SELECT count(*) FROM public.bookings_notification"),
        "UPDATE in a CTE": (
            "WITH x AS (UPDATE public.bookings_customer SET name = 'x' RETURNING 1)"
            " SELECT 1", CUSTOMERS),
        "INSERT in a CTE": (
            "WITH x AS (INSERT INTO plain.canary VALUES ('x')) SELECT 1", CANARY),
        "SELECT INTO": ("SELECT name INTO plain.copied FROM customers", RELATIONS),
        "SELECT INTO TEMP": ("SELECT name INTO TEMP copied FROM customers", RELATIONS),
        "CREATE TABLE AS": ("CREATE TABLE plain.copied AS SELECT 1", RELATIONS),
        "CREATE TEMP TABLE": ("CREATE TEMP TABLE mine (id int)", RELATIONS),
        "CREATE VIEW": ("CREATE VIEW plain.mine AS SELECT 1 AS one", RELATIONS),
        "CREATE MATERIALIZED VIEW": (
            "CREATE MATERIALIZED VIEW plain.mine AS SELECT 1 AS one", RELATIONS),
        "CREATE INDEX": ("CREATE INDEX ON public.bookings_customer (email)", RELATIONS),
        "CREATE SEQUENCE": ("CREATE SEQUENCE plain.mine", RELATIONS),
        "CREATE SCHEMA": ("CREATE SCHEMA mine", "SELECT count(*) FROM pg_namespace"),
        "CREATE FUNCTION": (
            "CREATE FUNCTION plain.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "SELECT count(*) FROM pg_proc"),
        "CREATE RULE": (
            "CREATE RULE mine AS ON INSERT TO public.bookings_customer DO INSTEAD"
            " NOTHING", "SELECT count(*) FROM pg_rewrite"),
        "CREATE EXTENSION": ("CREATE EXTENSION vector",
                             "SELECT count(*) FROM pg_extension"),
        "extension's functions": (
            "CREATE EXTENSION vector; SELECT '[1,2]'::vector <-> '[3,4]'::vector",
            "SELECT count(*) FROM pg_extension"),
        "CREATE ROLE": ("CREATE ROLE mine_{victim}", "SELECT count(*) FROM pg_roles"),
        "ALTER ROLE": ("ALTER ROLE {low} LOGIN",
                       "SELECT rolcanlogin FROM pg_roles WHERE rolname = '{low}'"),
        "GRANT": ("GRANT SELECT ON public.bookings_customer TO PUBLIC",
                  "SELECT relacl::text FROM pg_class WHERE relname ="
                  " 'bookings_customer'"),
        "DROP POLICY": ("DROP POLICY company ON public.bookings_customer",
                        "SELECT count(*) FROM pg_policy"),
        "DROP VIEW": ("DROP VIEW customers", RELATIONS),
        "DROP TABLE": ("DROP TABLE plain.stock", RELATIONS),
        "ALTER TABLE": ("ALTER TABLE plain.stock ADD COLUMN x int",
                        "SELECT relnatts FROM pg_class WHERE relname = 'stock'"),
        "COMMENT": ("COMMENT ON TABLE plain.stock IS 'x'",
                    "SELECT count(*) FROM pg_description"),
        "function replaced": (
            "CREATE OR REPLACE FUNCTION reading.company() RETURNS uuid LANGUAGE sql"
            " SECURITY DEFINER AS 'SELECT ''{b}''::uuid'",
            "SELECT md5(prosrc) FROM pg_proc WHERE oid = 'reading.company'::regproc"),
        "DO": ("DO $$ BEGIN INSERT INTO plain.canary VALUES ('x'); END $$", CANARY),
        "DO with another language's quotes": (
            "DO LANGUAGE plpgsql 'BEGIN DELETE FROM plain.stock; END'",
            "SELECT count(*) FROM plain.stock"),
        "COPY FROM PROGRAM": ("COPY plain.canary FROM PROGRAM 'echo x'", CANARY),
        "sequence": ("SELECT nextval('public.auth_group_id_seq')", SEQUENCE),
        "sequence set": ("SELECT setval('public.auth_group_id_seq', 99)", SEQUENCE),
        "large object": ("SELECT lo_create(0)", OBJECTS),
        "large object, older": ("SELECT lo_creat(-1)", OBJECTS),
        "large object with bytes": ("SELECT lo_from_bytea(0, 'x')", OBJECTS),
        "large object from a file": ("SELECT lo_import('/etc/hostname')", OBJECTS),
        "ticket": (
            "INSERT INTO public.sql_ticket (token, company_id, pid, at) VALUES"
            " (gen_random_uuid(), '{b}', pg_backend_pid(), now())",
            "SELECT count(*) FROM public.sql_ticket"),
        "through a forged key": (
            "INSERT INTO public.tenants_membership (id, company_id, user_id, role)"
            " SELECT gen_random_uuid(), '{b}', 1, 'owner' WHERE false;"
            " INSERT INTO plain.canary VALUES ('x')", CANARY),
        # --- what is held, or told to others ---
        "FOR UPDATE": ("SELECT 1 FROM public.bookings_customer FOR UPDATE", LOCKS),
        "FOR SHARE": ("SELECT 1 FROM public.bookings_customer FOR SHARE", LOCKS),
        "FOR UPDATE of a view": ("SELECT 1 FROM branches FOR UPDATE", LOCKS),
        "FOR NO KEY UPDATE SKIP LOCKED": (
            "SELECT 1 FROM branches FOR NO KEY UPDATE SKIP LOCKED", LOCKS),
        "FOR UPDATE in a subselect": (
            "SELECT * FROM (SELECT id FROM branches FOR KEY SHARE) b", LOCKS),
        "LOCK": ("LOCK TABLE public.bookings_customer", LOCKS),
        "advisory lock": ("SELECT pg_advisory_lock(815)", ADVISORY),
        "advisory lock of the transaction": (
            "SELECT pg_advisory_xact_lock(815)", ADVISORY),
        "advisory lock, tried": ("SELECT pg_try_advisory_lock(815)", ADVISORY),
        "PREPARE": ("PREPARE p AS SELECT 1",
                    "SELECT count(*) FROM pg_prepared_statements"),
        "CURSOR WITH HOLD": ("DECLARE c CURSOR WITH HOLD FOR SELECT 1",
                             "SELECT count(*) FROM pg_cursors"),
        "end of another session": (
            "SELECT pg_terminate_backend({victim}, 2000)", VICTIM),
        "end of another's query": ("SELECT pg_cancel_backend({victim})", BUSY),
        "end of every other session": (
            "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity"
            " WHERE pid = {victim}", VICTIM),
        "snapshot": ("SELECT pg_export_snapshot()",
                     "SELECT count(*) FROM pg_ls_dir('pg_snapshots')"),
    }.items()
] + [
    Attack("LISTEN", "LISTEN askpro",
           Changes("SELECT count(*) FROM pg_listening_channels()"), is_outside=True),
    Attack("NOTIFY", "SELECT pg_notify('askpro', 'x')",
           Tells("heard"), begins="LISTEN askpro", is_outside=True),
    Attack("COMMIT", "COMMIT; INSERT INTO plain.canary VALUES ('x')",
           Changes(CANARY), is_outside=True),
    Attack("ROLLBACK", "SELECT 1; ROLLBACK; INSERT INTO plain.canary VALUES ('x')",
           Changes(CANARY), is_outside=True),
    Attack("second transaction",
           "BEGIN; INSERT INTO plain.canary VALUES ('x'); COMMIT",
           Changes(CANARY), is_outside=True),
]  # fmt: skip

SETTINGS = [
    Attack("time-out off", "SET statement_timeout = 0", _setting("statement_timeout")),
    Attack("time-out off by set_config",
           "SELECT set_config('statement_timeout', '0', false)",
           _setting("statement_timeout")),
    Attack("time-out off by UPDATE",
           "UPDATE pg_settings SET setting = '0' WHERE name = 'statement_timeout'",
           _setting("statement_timeout")),
    Attack("memory", "SET work_mem = '1GB'", _setting("work_mem")),
    Attack("read-write", "SET default_transaction_read_only = off",
           _setting("default_transaction_read_only"),
           begins="SET default_transaction_read_only = on"),
    Attack("isolation",
           "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE",
           _setting("default_transaction_isolation")),
    Attack("row security", "SET row_security = off", _setting("row_security")),
    Attack("another search path", "SET search_path = public", _setting("search_path")),
    Attack("RESET ALL", "RESET ALL", _setting("statement_timeout")),
    Attack("DISCARD ALL", "DISCARD ALL", _setting("statement_timeout"),
           is_outside=True),
    Attack("language", "SET lc_messages = 'C'; SET datestyle = 'German'",
           _setting("datestyle")),
]  # fmt: skip

_JOINED = ", ".join(f"customers c{number}" for number in range(8))
#: Each step doubles a text, kept apart so that only its length grows …
_DOUBLED = "SELECT 'abcdefgh' AS a"
for _ in range(22):
    _DOUBLED = f"SELECT a || a AS a FROM ({_DOUBLED} OFFSET 0) q"
#: … or what the planner has in hand.
_SUMMED = "SELECT 1::bigint AS a FROM branches"
for _ in range(18):
    _SUMMED = f"SELECT a + a AS a FROM ({_SUMMED}) q"
_SUMMED_IN_CTES = "WITH c0 AS (SELECT 1::bigint AS a FROM branches)" + "".join(
    f", c{n + 1} AS (SELECT a + a AS a FROM c{n})" for n in range(18)
)
_SUMMED_IN_CTES += " SELECT a + a AS a FROM c18"

OVERLOAD = [
    Attack(name, text, Overloads())
    for name, text in {
        "pg_sleep": "SELECT pg_sleep(30)",
        "pg_sleep, qualified": "SELECT pg_catalog.pg_sleep(30)",
        "pg_sleep, escaped": 'SELECT U&"pg\\005fsleep"(30)',
        "pg_sleep in FROM": "SELECT 1 FROM pg_sleep(30)",
        "pg_sleep in WHERE": "SELECT 1 FROM customers WHERE pg_sleep(30) IS NULL",
        "pg_sleep_for": "SELECT pg_sleep_for('30 s')",
        "pg_sleep_until": "SELECT pg_sleep_until(now() + interval '30 s')",
        "sleep without a limit": "SET statement_timeout = 0; SELECT pg_sleep(30)",
        "sleep in DO": "DO $$ BEGIN PERFORM pg_sleep(30); END $$",
        "loop in DO": "DO $$ BEGIN LOOP NULL; END LOOP; END $$",
        "WITH RECURSIVE": (
            "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r)"
            " SELECT count(*) FROM r"
        ),
        "WITH RECURSIVE that grows": (
            "WITH RECURSIVE r(a) AS (SELECT 'x' UNION ALL SELECT a || a FROM r"
            " WHERE length(a) < 9000000) SELECT a FROM r"
        ),
        "generate_series": "SELECT count(*) FROM generate_series(1, 1000000000)",
        "generate_series in the list": "SELECT generate_series(1, 1000000000)",
        "cross join": f"SELECT count(c0.name || c7.name) FROM {_JOINED}",
        "cross join of catalogues": (
            "SELECT count(*) FROM pg_class a, pg_class b, pg_class c, pg_attribute d"
        ),
        "cross join sorted": f"SELECT c0.name FROM {_JOINED} ORDER BY c7.email LIMIT 1",
        "cross join grouped": (
            f"SELECT count(DISTINCT (c0.name || c1.id || c2.id)) FROM {_JOINED}"
        ),
        "many rows": "SELECT a.*, b.* FROM customers a, customers b, customers c",
        "wide rows": (
            f"SELECT {', '.join(['c.*'] * 250)} FROM customers c, customers d"
        ),
        "repeat": "SELECT repeat('x', 50000000)",
        "lpad": "SELECT lpad('x', 50000000)",
        "rpad": "SELECT rpad('x', 50000000, 'ab')",
        "char(n)": "SELECT 'x'::char(9000000)",
        "doubled text": _DOUBLED,
        "texts of all joined": (
            f"SELECT string_agg(c0.name, c1.name) FROM {_JOINED}"
        ),
        "array of all": f"SELECT array_agg(c0.id) FROM {_JOINED}",
        "array of all, like a column": f"SELECT c0.array_agg FROM {_JOINED}",
        "array of a subselect": f"SELECT ARRAY(SELECT c0.id FROM {_JOINED})",
        "JSON of all": f"SELECT json_agg(c0) FROM {_JOINED}",
        "filled array": "SELECT array_fill('x'::text, ARRAY[3000000])",
        "great number": "SELECT factorial(30000)",
        "giant regular expression": (
            "SELECT count(*) FROM customers a, customers b WHERE"
            " (repeat('x', 3000) || a.id) ~ '^(?:(x{1,250}){1,100}y)$'"
        ),
        "regular expression in substring": (
            "SELECT count(substring(repeat('x', 3000) || a.id from"
            " '^(?:(x{1,250}){1,100}y)$')) FROM customers a, customers b"
        ),
        "regular expression behind ANY": (
            "SELECT count(*) FROM customers a, customers b WHERE"
            " (repeat('x', 3000) || a.id) ~ ANY (SELECT '^(?:(x{1,250}){1,100}y)$')"
        ),
        "regular expression in a function": (
            "SELECT count(*) FROM customers a, customers b WHERE"
            " regexp_like(repeat('x', 3000) || a.id, '^(?:(x{1,250}){1,100}y)$')"
        ),
        "SIMILAR TO": (
            "SELECT count(*) FROM customers a, customers b WHERE"
            " (repeat('x', 3000) || a.id) SIMILAR TO '(x{1,250}){1,100}y'"
        ),
        "doubled sums": _SUMMED,
        "doubled sums in CTEs": _SUMMED_IN_CTES,
        "waits for a lock": "SELECT pg_advisory_lock(4711)",
    }.items()
] + [
    Attack("values of megabytes", f"SELECT {', '.join('?' * 60)}", Overloads(),
           ("x" * 100_000,) * 60),
    Attack("nested subselects", "SELECT " + "(SELECT " * 880 + "1" + ")" * 880,
           Crashes()),
    Attack("a long sum", "SELECT 1" + "+1" * 3900, Crashes()),
    Attack("over 8,000 characters", "SELECT 'a'" + "||'a'" * 20000, Crashes()),
    Attack("far over 8,000 characters", "SELECT 1" + "::int" * 50000, Crashes()),
    Attack("many SELECTs", "SELECT 1" + " UNION SELECT 1" * 20000, Crashes()),
]  # fmt: skip

ATTACKS = [*KNOW, *WRITE, *SETTINGS, *OVERLOAD]
