"""What a query may be made of. Whatever is not here is refused."""

from __future__ import annotations

LONGEST_TEXT = 8_000
#: The parser and Python's printer descend into a query: a thread's stack is finite.
MOST_TOKENS = 1_000
MOST_NODES = 2_000
MOST_RELATIONS = 8
#: Together they make a text of some times the longest value that a query reads …
MOST_CONCATENATIONS = 10
#: … but each doubles it where a query is built upon another one's columns.
MOST_CONCATENATIONS_NESTED = 3
#: ``SELECT a + a AS a FROM (SELECT a + a AS a FROM (…` doubles what the planner has in
#: hand at each step: how often a column may stand in for itself, step times step.
MOST_EXPANSIONS = 200
MOST_BINDINGS = 100
#: Of all values together.
LONGEST_BINDINGS = 8_000

#: Kinds of nodes of PostgreSQL's grammar.
NODES = frozenset(
    {
        *("RawStmt", "SelectStmt", "ResTarget", "ColumnRef", "A_Star", "A_Const"),
        *("Integer", "Float", "Boolean", "String", "A_Expr", "BoolExpr", "NullTest"),
        *("BooleanTest", "CaseExpr", "CaseWhen", "CoalesceExpr", "MinMaxExpr"),
        *("FuncCall", "TypeCast", "TypeName", "RangeVar", "RangeSubselect"),
        *("JoinExpr", "Alias", "SubLink", "SortBy", "WindowDef", "WithClause"),
        *("CommonTableExpr", "ParamRef", "SQLValueFunction"),
    }
)

#: None sleeps, reads settings or files, or makes much of little: no repeat, no lpad,
#: no aggregate of texts or arrays, no regular expression (``substring`` has one).
FUNCTIONS = frozenset(
    {
        *("count", "sum", "avg", "min", "max", "bool_and", "bool_or", "every"),
        *("percentile_cont", "percentile_disc", "mode", "stddev", "variance"),
        *("row_number", "rank", "dense_rank", "ntile", "lag", "lead"),
        *("first_value", "last_value", "cume_dist", "percent_rank"),
        *("now", "date_trunc", "date_part", "age", "to_char", "make_date"),
        *("lower", "upper", "length", "btrim", "ltrim", "rtrim", "trim", "left"),
        *("right", "substr", "position", "strpos", "split_part", "starts_with"),
        *("initcap", "concat", "like_escape"),
        *("abs", "round", "ceil", "ceiling", "floor", "trunc", "mod", "sign"),
        *("extract", "timezone"),
    }
)

#: ``customers.to_json`` means ``to_json(customers)``: functions that take a whole row
#: are called like a column. So no column of a view may be called like one of them.
ROW_FUNCTIONS = frozenset(
    {
        *("any_out", "any_value", "anycompatible_out", "anycompatiblenonarray_out"),
        *("anyelement_out", "anynonarray_out", "array_agg", "hash_record"),
        *("hash_record_extended", "json_agg", "json_agg_strict", "json_build_array"),
        *("json_build_object", "jsonb_agg", "jsonb_agg_strict", "jsonb_build_array"),
        *("jsonb_build_object", "num_nonnulls", "num_nulls", "quote_literal"),
        *("quote_nullable", "record_out", "record_send", "row_to_json", "to_json"),
        "to_jsonb",
    }
)

OPERATORS = frozenset(
    {"=", "<>", "!=", "<", ">", "<=", ">=", "+", "-", "*", "/", "%", "||"}
    | {"~~", "!~~", "~~*", "!~~*", "BETWEEN", "NOT BETWEEN"}
    | {"BETWEEN SYMMETRIC", "NOT BETWEEN SYMMETRIC"}
)

#: Not ``char(n)``: it fills up with blanks, ten million if one asks for them. Nor any
#: type that looks something up: ``'askpro'::regrole`` tells whether there is one.
TYPES = frozenset(
    {
        *("text", "varchar", "int2", "int4", "int8", "numeric", "float4", "float8"),
        *("bool", "date", "time", "timetz", "timestamp", "timestamptz", "interval"),
        "uuid",
    }
)

#: Values that PostgreSQL spells without brackets: times only, never who asks.
VALUES = frozenset(
    {
        *("SVFOP_CURRENT_DATE", "SVFOP_CURRENT_TIME", "SVFOP_CURRENT_TIMESTAMP"),
        *("SVFOP_LOCALTIME", "SVFOP_LOCALTIMESTAMP"),
    }
)

#: A subselect as a set of rows or as one value; not as an array, which has no end.
SUBSELECTS = frozenset({"EXISTS_SUBLINK", "ANY_SUBLINK", "ALL_SUBLINK", "EXPR_SUBLINK"})

SYSTEM_COLUMNS = frozenset({"tableoid", "xmin", "xmax", "cmin", "cmax", "ctid"})
