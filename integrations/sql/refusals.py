"""What a query is refused with: words that say what would work."""

from __future__ import annotations

from django.utils.translation import gettext as _

from askpro.errors import AskProError

#: What people write, for kinds of nodes that they never heard of.
_WRITTEN = {
    "A_ArrayExpr": "ARRAY[…]",
    "A_Indices": "[…]",
    "A_Indirection": "(…).…",
    "CollateClause": "COLLATE",
    "GroupingFunc": "GROUPING",
    "GroupingSet": "GROUPING SETS, CUBE, ROLLUP",
    "LockingClause": "FOR UPDATE, FOR SHARE",
    "NamedArgExpr": "… => …",
    "RangeFunction": "FROM …()",
    "RangeTableFunc": "XMLTABLE",
    "RangeTableSample": "TABLESAMPLE",
    "RowExpr": "ROW(…)",
}


class QueryRefused(AskProError):
    """The query may not be run; the message says why and what would work."""


def unreadable(sql: str, error: Exception) -> QueryRefused:
    """Refuse what the parser did not understand; say where, in the asker's words."""
    at = error.args[1] if len(error.args) > 1 else None
    near = sql[at : at + 30].strip() if isinstance(at, int) else ""
    if near:
        return QueryRefused(
            _("The query can't be read from here: %(near)s") % {"near": near}
        )
    return QueryRefused(_("The query can't be read. Is a quotation mark missing?"))


def not_allowed(kind: str) -> QueryRefused:
    """Refuse a kind of node."""
    written = _WRITTEN.get(kind) or kind.removeprefix("Range")
    return QueryRefused(
        _("This is not allowed in a query here: %(what)s.") % {"what": written}
    )
