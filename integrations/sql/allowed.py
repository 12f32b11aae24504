"""What a query may be made of. Whatever is not here is refused."""

from __future__ import annotations

LONGEST_TEXT = 8_000
MOST_NODES = 2_000
MOST_RELATIONS = 8
#: Each can double a text: so many make at most some megabytes out of a query's own.
MOST_CONCATENATIONS = 10
MOST_BINDINGS = 100

#: Kinds of nodes of PostgreSQL's grammar.
NODES = frozenset(
    {
        *("RawStmt", "SelectStmt", "ResTarget", "ColumnRef", "A_Star", "A_Const"),
        *("Integer", "Float", "Boolean", "String", "A_Expr", "BoolExpr", "NullTest"),
        *("BooleanTest", "CaseExpr", "CaseWhen", "CoalesceExpr", "MinMaxExpr"),
        *("FuncCall", "TypeCast", "TypeName", "RangeVar", "RangeSubselect"),
        *("JoinExpr", "Alias", "SubLink", "SortBy", "WindowDef", "WithClause"),
        *("CommonTableExpr", "ParamRef", "SQLValueFunction", "GroupingSet"),
        "A_ArrayExpr",
    }
)

FUNCTIONS = frozenset(
    {
        *("count", "sum", "avg", "min", "max", "bool_and", "bool_or", "every"),
        *("percentile_cont", "percentile_disc", "mode", "stddev", "variance"),
        *("row_number", "rank", "dense_rank", "ntile", "lag", "lead"),
        *("first_value", "last_value", "cume_dist", "percent_rank"),
        *("now", "date_trunc", "date_part", "age", "to_char", "make_date"),
        *("lower", "upper", "length", "btrim", "ltrim", "rtrim", "trim", "left"),
        *("right", "substr", "substring", "position", "strpos", "split_part"),
        *("starts_with", "initcap", "concat", "abs", "round", "ceil", "ceiling"),
        *("floor", "trunc", "mod", "sign", "extract", "timezone"),
    }
)

OPERATORS = frozenset(
    {"=", "<>", "!=", "<", ">", "<=", ">=", "+", "-", "*", "/", "%", "||"}
    | {"~~", "!~~", "~~*", "!~~*", "BETWEEN", "NOT BETWEEN"}
)

TYPES = frozenset(
    {
        *("text", "varchar", "bpchar", "int2", "int4", "int8", "numeric", "float4"),
        *("float8", "bool", "date", "time", "timestamp", "timestamptz", "interval"),
        *("uuid", "timetz"),
    }
)

#: Values that PostgreSQL spells without brackets: times only, never who asks.
VALUES = frozenset(
    {
        *("SVFOP_CURRENT_DATE", "SVFOP_CURRENT_TIME", "SVFOP_CURRENT_TIMESTAMP"),
        *("SVFOP_LOCALTIME", "SVFOP_LOCALTIMESTAMP"),
    }
)
