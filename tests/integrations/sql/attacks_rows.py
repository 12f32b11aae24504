"""Attacks that want rows of another company."""

from __future__ import annotations

from tests.integrations.sql.attack import (
    Attack,
    Betrays,
    Leaks,
    compatible,
    until_zero,
)

TABLE = "public.bookings_customer"
IS_THEIRS = "email LIKE 'Geheim%'"
#: What each row is asked; true of the other company's alone.
IF_THEIRS = f"CASE WHEN {IS_THEIRS} THEN"

#: Names of tables, however they are written.
NAMED = {
    "table without schema": "SELECT email FROM bookings_customer",
    "table with schema": f"SELECT email FROM {TABLE}",
    "quoted table": 'SELECT email FROM "public"."bookings_customer"',
    "upper case": "SELECT EMAIL FROM PUBLIC.BOOKINGS_CUSTOMER",
    "escaped table": 'SELECT email FROM U&"\\0062ookings_customer"',
    "escaped with a sign of one's own": (
        "SELECT email FROM U&\"!0062ookings_customer\" UESCAPE '!'"
    ),
    "TABLE command": f"TABLE {TABLE}",
    "ONLY": f"SELECT email FROM ONLY {TABLE}",
    "TABLESAMPLE": f"SELECT email FROM {TABLE} TABLESAMPLE SYSTEM (100)",
    "comment inside": "SELECT email FROM/**/public/**/./**/bookings_customer",
    "comment hides": f"SELECT email FROM {TABLE} /* FROM customers */",
    "nested comment": f"SELECT /* /* customers */ */ email FROM {TABLE}",
    "line comment": f"SELECT email -- FROM customers\nFROM {TABLE}",
    "odd blanks": "SELECT\femail\fFROM\tpublic.bookings_customer",
    "whole row": f"SELECT c FROM {TABLE} c",
    "row as JSON": f"SELECT row_to_json(c) FROM {TABLE} c",
    "row as JSON, like a column": f"SELECT c.row_to_json FROM {TABLE} c",
    "field of a row": f"SELECT (c).email FROM {TABLE} c",
    "set union": f"SELECT name FROM customers UNION ALL SELECT email FROM {TABLE}",
    "set difference": f"SELECT email FROM {TABLE} EXCEPT SELECT email FROM customers",
    "CTE": f"WITH c AS (SELECT email FROM {TABLE}) SELECT * FROM c",
    "CTE in place of a view": (
        f"WITH customers AS (SELECT * FROM {TABLE}) SELECT email FROM customers"
    ),
    "CTE within a CTE": (
        f"WITH a AS (WITH b AS (SELECT email FROM {TABLE}) SELECT * FROM b)"
        " SELECT * FROM a"
    ),
    "scalar subselect": f"SELECT (SELECT max(email) FROM {TABLE})",
    "subselect": f"SELECT email FROM (SELECT * FROM {TABLE}) c",
    "lateral": f"SELECT o.email FROM customers c, LATERAL (SELECT * FROM {TABLE}) o",
    "natural join": f"SELECT o.email FROM branches b NATURAL RIGHT JOIN {TABLE} o",
    "VALUES": f"VALUES ((SELECT max(email) FROM {TABLE}))",
    "in a function's argument": f"SELECT upper((SELECT max(email) FROM {TABLE}))",
    "in ORDER BY and LIMIT": (
        f"SELECT email FROM {TABLE} ORDER BY (SELECT 1) LIMIT (SELECT 9)"
    ),
    "texts joined": f"SELECT string_agg(email, ',') FROM {TABLE}",
    "array": f"SELECT ARRAY(SELECT email FROM {TABLE})",
    "statistics of words": (
        f"SELECT word FROM ts_stat('SELECT to_tsvector(email) FROM {TABLE}')"
    ),
    "COPY": f"COPY (SELECT email FROM {TABLE}) TO STDOUT",
    "COPY of a table": f"COPY {TABLE} TO STDOUT",
    "prepared statement": f"PREPARE p AS SELECT email FROM {TABLE}; EXECUTE p",
    "cursor": f"DECLARE c CURSOR FOR SELECT email FROM {TABLE}; FETCH ALL FROM c",
    "UPDATE that returns": f"UPDATE {TABLE} SET name = name RETURNING email",
    "DELETE within a CTE": (
        "WITH gone AS (DELETE FROM public.bookings_notification RETURNING 1)"
        f" SELECT email FROM {TABLE}"
    ),
    "second statement": f"SELECT 1; SELECT email FROM {TABLE}",
    "second statement behind a comment": (
        f"SELECT name FROM customers;/**/SELECT email FROM {TABLE} --"
    ),
    "dollar quotes": (
        f"DO $a$ BEGIN RAISE NOTICE '%', (SELECT max(email) FROM {TABLE}); END $a$"
    ),
    "dollar quotes hide": f"SELECT $q$FROM customers$q$, email FROM {TABLE}",
    "temporary copy": (
        f"CREATE TEMP TABLE customers AS TABLE {TABLE}; SELECT email FROM customers"
    ),
    "statistics": (
        "SELECT histogram_bounds FROM pg_stats WHERE tablename = 'bookings_customer'"
    ),
    "statistics' own table": "SELECT stavalues1, stavalues2 FROM pg_statistic",
    "statistics, quoted": (
        'SELECT "histogram_bounds"::text, most_common_vals::text'
        ' FROM "pg_catalog"."pg_stats" WHERE attname = \'email\''
    ),
    "other sessions' texts": "SELECT query FROM pg_stat_activity",
    "other sessions' texts, by function": (
        "SELECT query FROM pg_stat_get_activity(NULL)"
    ),
    "plan with values": (
        f"EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM customers WHERE email ="
        f" (SELECT max(email)::int::text FROM {TABLE})"
    ),
}

#: Words that look like others.
LOOK_ALIKE = [
    Attack("fullwidth letters", "SELECT email FROM ｐｕｂｌｉｃ.bookings_customer",
           Leaks(), read=compatible),
    Attack("fullwidth full stop", "SELECT email FROM public．bookings_customer",
           Leaks(), read=compatible),
    Attack("mathematical letters", "SELECT email FROM 𝐛𝐨𝐨𝐤𝐢𝐧𝐠𝐬_customer",
           Leaks(), read=compatible),
    Attack("fullwidth semicolon", f"SELECT 1； SELECT email FROM {TABLE}",
           Leaks(), read=compatible),
    Attack("fullwidth quotation mark",
           f"SELECT * FROM customers WHERE name = 'x＇ UNION SELECT id, email, phone,"
           f" email, email, created_at FROM {TABLE} --'",
           Leaks(), read=compatible),
    Attack("zero byte", f"SELECT email FROM {TABLE}\0 JOIN customers USING (id)",
           Leaks(), read=until_zero),
]  # fmt: skip

_FIRST = "SELECT id::text, email FROM customers WHERE name = "
_UNION = f"x' UNION SELECT name, email FROM {TABLE} --"

#: Values that are put into the text by whoever is careless.
BOUND = [
    Attack("value ends the text", f"{_FIRST}?", Leaks(), (_UNION,)),
    Attack("value ends the text, %s", f"{_FIRST}%s", Leaks(), (_UNION,)),
    Attack("value with a second statement", f"{_FIRST}?", Leaks(),
           (f"x'; SELECT email FROM {TABLE} --",)),
    Attack("value with a mark", f"{_FIRST}? OR name = ?", Leaks(),
           ("?", f" UNION SELECT name, email FROM {TABLE} --")),
    Attack("value with a dollar mark", f"{_FIRST}? OR name = ?", Leaks(),
           ("$2", _UNION)),
    Attack("value instead of a table", "SELECT email FROM ?", Leaks(),
           (TABLE,), read=lambda text: text.replace("'", "")),
    Attack("value instead of a column", "SELECT ? FROM customers", Leaks(),
           (f"x', (SELECT max(email) FROM {TABLE}), '",)),
    Attack("value as LIMIT", "SELECT name FROM customers LIMIT ?", Leaks(),
           (f"1' OFFSET (SELECT max(email)::int FROM {TABLE}) --",)),
    Attack("mark within a text", "SELECT '?' || name FROM customers WHERE name <> ?",
           Leaks(), (f" || (SELECT max(email) FROM {TABLE}) --",)),
]  # fmt: skip

#: Said to the connection, then asked.
TOLD = [
    Attack(name, f"{said}; SELECT email FROM customers", Leaks())
    for name, said in {
        "SET": "SET {setting} = '{b}'",
        "SET SESSION": "SET SESSION {setting} TO '{b}'",
        "SET LOCAL": "SET LOCAL {setting} = '{b}'",
        "set_config": "SELECT set_config('{setting}', '{b}', false)",
        "set_config, local": "SELECT set_config('{setting}', '{b}', true)",
        "set_config, qualified": (
            "SELECT pg_catalog.set_config('{setting}', '{b}', false)"
        ),
        "set_config, quoted": "SELECT \"set_config\"('{setting}', '{b}', false)",
        "set_config, escaped": (
            "SELECT U&\"set\\005fconfig\"('{setting}', '{b}', false)"
        ),
        "set_config in DO": (
            "DO $$ BEGIN PERFORM set_config('{setting}', '{b}', false); END $$"
        ),
        "another function": (
            "CREATE OR REPLACE FUNCTION plain.company() RETURNS text LANGUAGE sql"
            " AS 'SELECT ''{b}'''"
        ),
    }.items()
] + [
    Attack(
        "set_config within one SELECT",
        "SELECT c.email FROM (SELECT set_config('{setting}', '{b}', false) AS x"
        " OFFSET 0) s CROSS JOIN LATERAL (SELECT * FROM customers"
        " WHERE s.x IS NOT NULL OFFSET 0) c",
        Leaks(),
    ),
    *(
        Attack(
            name, f"{said}; SELECT email FROM {TABLE}", Leaks(), begins="SET ROLE {low}"
        )
        for name, said in {
            "RESET ROLE": "RESET ROLE",
            "SET ROLE NONE": "SET ROLE NONE",
            "SET ROLE to the server's": "SET ROLE postgres",
            "role by set_config": "SELECT set_config('role', 'none', false)",
            "SESSION AUTHORIZATION": "SET SESSION AUTHORIZATION DEFAULT",
            "RESET SESSION": "RESET SESSION AUTHORIZATION",
            "SET ROLE and no row security": (
                "SET ROLE postgres; SET row_security = off"
            ),
        }.items()
    ),
    Attack(
        "search path",
        "SET search_path = public; SELECT email FROM bookings_customer",
        Leaks(),
    ),
    Attack(
        "search path by set_config",
        "SELECT set_config('search_path', 'public', false);"
        " SELECT email FROM bookings_customer",
        Leaks(),
    ),
]

#: Run before the filter, where nothing holds them back: their errors tell the value.
CASTS = [
    Attack(f"cast to {kind}", f"SELECT 1 FROM customers WHERE {what}", Leaks())
    for kind, what in {
        "integer": "email::int = 1",
        "bigint": "CAST(email AS bigint) = 1",
        "numeric": "email::numeric = 1",
        "float": "email::float8 = 1",
        "boolean": "email::boolean",
        "date": "email::date = 'today'",
        "time": "email::timestamptz = now()",
        "interval": "email::interval = '1 day'",
        "uuid": "email::uuid = id",
        "json": "(email::json ->> 'a') IS NULL",
        "inet": "email::inet IS NULL",
        "array": "('{'||email)::int[] IS NULL",
        "regclass": "email::regclass = 1",
        "regrole": "email::regrole = 1",
        "regtype": "email::regtype = 1",
        "integer, in a join": (
            "EXISTS (SELECT 1 FROM customers d WHERE d.email::int = 1)"
        ),
        "integer, quoted and escaped": 'U&"\\0065mail"::int4 = 1',
    }.items()
]

#: Functions whose errors repeat what they were given.
REPEAT = [
    Attack(f"error of {name}", f"SELECT 1 FROM customers WHERE {what}", Leaks())
    for name, what in {
        "date_trunc": "date_trunc(email, now()) IS NULL",
        "date_part": "date_part(email, now()) = 1",
        "timezone": "timezone(email, now()) IS NULL",
        "AT TIME ZONE": "now() AT TIME ZONE email IS NULL",
        "current_setting": "current_setting(email) = ''",
        "pg_read_file": "pg_read_file(email) = ''",
        "has_table_privilege": "has_table_privilege(email, 'SELECT')",
        "encode": "encode('a', email) = ''",
        "nextval": "nextval(email) = 1",
        "lo_import": "lo_import(email) = 1",
    }.items()
]

#: Errors that come only if a row of the other company was looked at.
ORACLES = [
    Attack(f"oracle: {word}", f"SELECT 1 FROM customers WHERE {what}", Betrays(word))
    for word, what in {
        "division by zero": f"1 / ({IF_THEIRS} 0 ELSE 1 END) = 1",
        "out of range": f"2147483647 + ({IF_THEIRS} 1 ELSE 0 END) > 0",
        "negative substring length": (
            f"substr(email, 1, {IF_THEIRS} -1 ELSE 1 END) = ''"
        ),
        "must not be zero": f"split_part(email, 'a', {IF_THEIRS} 0 ELSE 1 END) = ''",
        "field value out of range": (
            f"make_date(2026, {IF_THEIRS} 13 ELSE 1 END, 1) IS NULL"
        ),
        "square root": f"sqrt({IF_THEIRS} -1 ELSE 1 END) = 1",
        "not recognized": (
            f"date_trunc({IF_THEIRS} 'x' ELSE 'day' END, now()) IS NULL"
        ),
        "escape character": f"email LIKE ({IF_THEIRS} 'Geheim\\' ELSE 'x' END)",
        "invalid input syntax for type uuid": (
            f"({IF_THEIRS} 'x' ELSE id::text END)::uuid IS NULL"
        ),
        "regular expression": f"email ~ ({IF_THEIRS} '(' ELSE 'x' END)",
    }.items()
]

#: Written by whoever may create something.
MADE = [
    Attack(
        "function that spies",
        "CREATE FUNCTION pg_temp.spy(text) RETURNS bool LANGUAGE plpgsql"
        " COST 0.0000001 AS $$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $$;"
        " SELECT 1 FROM customers WHERE pg_temp.spy(email)",
        Leaks(),
    ),
    Attack(
        "operator that spies",
        "CREATE FUNCTION pg_temp.spy(text, text) RETURNS bool LANGUAGE plpgsql"
        " COST 0.0000001 AS $$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $$;"
        " CREATE OPERATOR pg_temp.<<< (LEFTARG = text, RIGHTARG = text,"
        " FUNCTION = pg_temp.spy);"
        " SELECT 1 FROM customers WHERE email::text OPERATOR(pg_temp.<<<) 'x'::text",
        Leaks(),
    ),
    Attack(
        "ticket written by the query",
        "WITH forged AS (INSERT INTO public.sql_ticket (token, company_id, pid, at)"
        " VALUES (gen_random_uuid(), '{b}', pg_backend_pid(), now()) RETURNING pid)"
        f" SELECT c.email FROM {TABLE} c, forged",
        Leaks(),
    ),
    Attack(
        "view of one's own",
        f"CREATE VIEW plain.mine AS TABLE {TABLE}; SELECT email FROM plain.mine",
        Leaks(),
    ),
    Attack(
        "row security off",
        f"ALTER TABLE {TABLE} DISABLE ROW LEVEL SECURITY; SELECT email FROM {TABLE}",
        Leaks(),
    ),
]

ATTACKS = [
    *(Attack(name, text, Leaks()) for name, text in NAMED.items()),
    *LOOK_ALIKE,
    *BOUND,
    *TOLD,
    *CASTS,
    *REPEAT,
    *ORACLES,
    *MADE,
]
