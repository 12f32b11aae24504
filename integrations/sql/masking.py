"""What is kept of a query: what it asked for, without the values in it."""

from __future__ import annotations

import re
from typing import Any

from pglast import ast

from integrations.sql.parsing import printed, slots, tree_of, walk
from integrations.sql.refusals import QueryRefused
from integrations.sql.views import VIEWS

LONGEST = 2_000
_COLUMNS = {column.name for view in VIEWS.values() for column in view.columns}
#: A name that somebody gave to a column or a view of the own query.
_PLAIN = re.compile(r"[a-z_][a-z0-9_]{0,30}")
_HIDDEN = "…"


def shape(sql: str) -> str:
    """Return the query printed anew, with a mark for each value; no comments.

    Whatever can't be read, or is no SELECT, is not kept: nobody knows what of it is a
    value. Nor is a name that no view has: ``WHERE phone = "+4930…"`` is soon written.
    """
    try:
        tree = tree_of(sql, None)
        if not isinstance(tree.stmt, ast.SelectStmt):
            return ""
        _Mask(tree).run()
        return printed(tree)[:LONGEST]
    except QueryRefused:
        return ""


class _Mask:
    def __init__(self, root: Any) -> None:
        self._nodes = list(walk(root))
        given = {
            name
            for node in self._nodes
            for name in _given(node)
            if _PLAIN.fullmatch(name)
        }
        self._known = _COLUMNS | VIEWS.keys() | given

    def run(self) -> None:
        for node in self._nodes:
            if isinstance(node, ast.TypeName):
                continue  # its numbers are a length, no value
            for name in slots(node):
                setattr(node, name, self._replaced(node, getattr(node, name)))

    def _replaced(self, holder: Any, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(self._replaced(holder, one) for one in value)
        if isinstance(value, ast.A_Const) and not value.isnull:
            return ast.ParamRef(number=0)
        if isinstance(value, ast.String) and not isinstance(holder, _NAMED):
            return ast.String(sval=self._name(str(value.sval)))
        if isinstance(value, str) and isinstance(holder, _NAMING):
            return self._name(value)
        return value

    def _name(self, name: str) -> str:
        return name if name in self._known else _HIDDEN


#: What holds names of PostgreSQL's own.
_NAMED = (ast.FuncCall, ast.A_Expr, ast.TypeName, ast.SubLink, ast.SortBy)
_NAMING = (ast.ResTarget, ast.Alias, ast.CommonTableExpr, ast.RangeVar, ast.WindowDef)


def _given(node: Any) -> list[str]:
    if isinstance(node, ast.ResTarget | ast.WindowDef):
        return [node.name] if node.name else []
    if isinstance(node, ast.Alias):
        return [node.aliasname, *(one.sval for one in node.colnames or ())]
    if isinstance(node, ast.CommonTableExpr):
        names = [one.sval for one in node.aliascolnames or ()]
        return [node.ctename, *names]
    return []
