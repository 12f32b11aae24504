"""A query, read by PostgreSQL's own parser, checked, and written anew.

What is sent is the checked tree, printed: nothing of the text that came reaches the
server, so that comments, spellings and what a scanner might misread have no effect.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

from django.utils.translation import gettext as _
from pglast import ast, enums, parser
from pglast.stream import RawStream

from integrations.sql import allowed, marks
from integrations.sql.refusals import QueryRefused, not_allowed, unreadable
from integrations.sql.views import SCHEMA, VIEWS

#: What the printer meets in trees that nobody writes.
_UNPRINTABLE = (AttributeError, KeyError, NotImplementedError, TypeError, ValueError)


@dataclass(frozen=True)
class Query:
    """A query that may be run."""

    text: str  # printed from the tree, with $1, $2 …
    views: tuple[str, ...]  # that it reads


def checked(sql: str, bindings: int) -> Query:
    """Read a query with ``?`` or ``%s`` for its values.

    :param bindings: how many values come along.
    :raises QueryRefused: it is not one SELECT of what is allowed.
    """
    tree = tree_of(sql, bindings)
    found = _Check(tree.stmt)
    found.run()
    text = printed(tree)
    # What was printed means what was checked, or it is not run.
    if not _are_equal(tree.stmt, _only_statement(text).stmt):
        raise QueryRefused(_("The query is too complicated. Make it simpler."))
    return Query(text, tuple(sorted(found.views)))


def _are_equal(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except RecursionError:
        return False


def tree_of(sql: str, bindings: int | None) -> Any:
    """Return the one statement, unchecked.

    :raises QueryRefused: it can't be read, or there is more than one.
    """
    if len(sql) > allowed.LONGEST_TEXT:
        raise QueryRefused(
            _("The query is too long: at most %(most)d characters.")
            % {"most": allowed.LONGEST_TEXT}
        )
    if "\0" in sql:
        raise QueryRefused(_("The query holds a sign that no text may have."))
    return _only_statement(marks.numbered(sql, bindings))


def printed(tree: Any) -> str:
    """Return a tree's text.

    :raises QueryRefused: it is nested too deep, or nobody knows how to write it.
    """
    try:
        return str(RawStream()(tree))
    except (RecursionError, *_UNPRINTABLE):
        raise QueryRefused(
            _("The query is too complicated. Make it simpler.")
        ) from None


def _only_statement(sql: str) -> Any:
    try:
        statements = parser.parse_sql(sql)
    except (parser.ParseError, RecursionError, UnicodeError, ValueError) as error:
        raise unreadable(sql, error) from None
    if len(statements) != 1:
        raise QueryRefused(_("Write one query at a time, without a semicolon inside."))
    return statements[0]


class _Check:
    """One walk over the tree; stops at the first thing that is not allowed."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._relations = self._concatenations = 0
        self._ctes: set[str] = set()
        self._is_nested = False
        self.views: set[str] = set()

    def run(self) -> None:
        """Check everything.

        :raises QueryRefused: something is not allowed.
        """
        if not isinstance(self._root, ast.SelectStmt):
            raise QueryRefused(_("Only SELECT is allowed: this page reads."))
        nodes = list(walk(self._root))
        if len(nodes) > allowed.MOST_NODES:
            raise QueryRefused(_("The query is too complicated. Make it simpler."))
        ctes = [node for node in nodes if isinstance(node, ast.CommonTableExpr)]
        self._ctes = {str(node.ctename) for node in ctes}
        inner = [one.ctequery for one in ctes]
        inner += [one.subquery for one in nodes if isinstance(one, ast.RangeSubselect)]
        self._is_nested = bool(inner)
        if prod(_repeats(one) for one in inner) > allowed.MOST_EXPANSIONS:
            raise QueryRefused(_("The query is too complicated. Make it simpler."))
        for node in nodes:
            kind = type(node).__name__
            check = getattr(self, f"_check_{kind}", None)
            if check is not None:
                check(node)
            if kind not in allowed.NODES:
                raise not_allowed(kind)

    def _check_SelectStmt(self, node: Any) -> None:
        if node.intoClause is not None:
            raise QueryRefused(_("SELECT INTO writes: only reading is allowed."))
        if node.lockingClause:
            raise QueryRefused(_("FOR UPDATE locks rows: only reading is allowed."))

    def _check_WithClause(self, node: Any) -> None:
        if node.recursive:
            raise QueryRefused(_("WITH RECURSIVE is not allowed."))

    def _check_CommonTableExpr(self, node: Any) -> None:
        if not isinstance(node.ctequery, ast.SelectStmt):
            raise QueryRefused(_("WITH may hold only SELECT."))
        if node.ctename in VIEWS or node.ctename.startswith("pg_"):
            raise QueryRefused(
                _("Give your WITH another name than %(name)s.") % {"name": node.ctename}
            )

    def _check_RangeVar(self, node: Any) -> None:
        self._relations += 1
        if self._relations > allowed.MOST_RELATIONS:
            raise QueryRefused(
                _("At most %(most)d views may be joined.")
                % {"most": allowed.MOST_RELATIONS}
            )
        is_ours = node.schemaname in (None, SCHEMA) and node.catalogname is None
        if is_ours and node.relname in VIEWS:
            self.views.add(node.relname)
            node.schemaname = SCHEMA
            return
        if node.schemaname is None and node.relname in self._ctes and is_ours:
            return
        raise QueryRefused(
            _("There is no view %(name)s. There are: %(views)s.")
            % {"name": node.relname[:60], "views": ", ".join(VIEWS)}
        )

    def _check_FuncCall(self, node: Any) -> None:
        names = [one.sval for one in node.funcname]
        is_built_in = names[:-1] in ([], ["pg_catalog"])
        if names[-1] not in allowed.FUNCTIONS or not is_built_in or node.func_variadic:
            raise QueryRefused(
                _("The function %(name)s is not allowed. There are: %(functions)s.")
                % {
                    "name": ".".join(names)[:60],
                    "functions": ", ".join(sorted(allowed.FUNCTIONS)),
                }
            )
        if names[-1] == "concat":
            self._concatenate(len(node.args or ()))

    def _check_A_Expr(self, node: Any) -> None:
        self._operator(node.name)
        if node.kind == enums.A_Expr_Kind.AEXPR_SIMILAR:
            raise _operator_refused("SIMILAR TO")
        if node.name[0].sval == "||":
            self._concatenate(1)

    def _check_SubLink(self, node: Any) -> None:
        if enums.SubLinkType(node.subLinkType).name not in allowed.SUBSELECTS:
            raise not_allowed("ARRAY(SELECT …)")
        self._operator(node.operName)

    def _check_SortBy(self, node: Any) -> None:
        self._operator(node.useOp)

    @staticmethod
    def _operator(name: Any) -> None:
        names = [one.sval for one in name or ()]
        if names and (len(names) > 1 or names[0] not in allowed.OPERATORS):
            raise _operator_refused(".".join(names))

    def _check_TypeName(self, node: Any) -> None:
        names = [one.sval for one in node.names or ()]
        is_known = names[-1:] and names[-1] in allowed.TYPES
        is_built_in = names[:-1] in ([], ["pg_catalog"])
        if not is_known or not is_built_in or _is_set(node):
            raise QueryRefused(
                _("The type %(name)s is not allowed. There are: %(types)s.")
                % {
                    "name": ".".join(names)[:60],
                    "types": ", ".join(sorted(allowed.TYPES)),
                }
            )

    def _check_SQLValueFunction(self, node: Any) -> None:
        if enums.SQLValueFunctionOp(node.op).name not in allowed.VALUES:
            raise QueryRefused(_("Only dates and times are known by name here."))

    def _check_ColumnRef(self, node: Any) -> None:
        names = [getattr(field, "sval", "") for field in node.fields]
        is_function = len(names) > 1 and names[-1] in allowed.ROW_FUNCTIONS
        for name in names:
            is_internal = name in allowed.SYSTEM_COLUMNS or name.startswith("pg_")
            if is_internal or is_function:
                raise QueryRefused(
                    _("There is no column %(name)s.") % {"name": names[-1][:60]}
                )

    def _concatenate(self, times: int) -> None:
        self._concatenations += times
        most = allowed.MOST_CONCATENATIONS
        if self._is_nested:
            most = allowed.MOST_CONCATENATIONS_NESTED
        if self._concatenations > most:
            raise QueryRefused(
                _("At most %(most)d texts may be joined.") % {"most": most}
            )


def _repeats(select: Any) -> int:
    """Return how many columns one column of a SELECT is made of, at most."""
    if not isinstance(select, ast.SelectStmt):
        return 1
    made_of = [_repeats(select.larg), _repeats(select.rarg)]
    for target in select.targetList or ():
        made_of.append(sum(isinstance(one, ast.ColumnRef) for one in walk(target)))
    return max(made_of)


def _is_set(type_name: Any) -> bool:
    return bool(type_name.setof or type_name.pct_type or type_name.arrayBounds)


def _operator_refused(name: str) -> QueryRefused:
    return QueryRefused(
        _("The operator %(name)s is not allowed. For a part of a text write LIKE.")
        % {"name": name[:20]}
    )


def walk(root: Any) -> Iterator[Any]:
    """Yield every node below one, itself first; no recursion that a query could dig."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, tuple | list):
            waiting.extend(reversed(node))
        elif isinstance(node, ast.Node):
            yield node
            waiting.extend(getattr(node, name) for name in reversed(slots(node)))


def slots(node: Any) -> tuple[str, ...]:
    """Return the names of what a node holds."""
    names: tuple[str, ...] = type(node).__slots__
    return names
