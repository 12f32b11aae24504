"""A query, read by PostgreSQL's own parser, checked, and written anew.

What is sent is the checked tree, printed: nothing of the text that came reaches the
server, so that comments, spellings and what a scanner might misread have no effect.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from pglast import ast, enums, parser
from pglast.stream import RawStream

from askpro.errors import AskProError
from integrations.sql import allowed
from integrations.sql.views import SCHEMA, VIEWS


class QueryRefused(AskProError):
    """The query may not be run; the message says why and what would work."""


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
    if len(sql) > allowed.LONGEST_TEXT:
        raise QueryRefused(
            _("The query is too long: at most %(most)d characters.")
            % {"most": allowed.LONGEST_TEXT}
        )
    if "\0" in sql:
        raise QueryRefused(_("The query holds a sign that no text may have."))
    tree = _only_statement(_numbered(sql, bindings))
    found = _Check(tree.stmt)
    found.run()
    printed = RawStream()(tree)
    # What was printed means what was checked, or it is not run.
    again = _Check(_only_statement(printed).stmt)
    again.run()
    return Query(printed, tuple(sorted(again.views)))


def shape(sql: str) -> str:
    """Return the query without its values: what may be kept of it."""
    if len(sql) > allowed.LONGEST_TEXT or "\0" in sql:
        return ""
    try:
        text: str = parser.normalize(_numbered(sql, None))
    except (parser.ParseError, QueryRefused, UnicodeError):
        return ""
    return text


def _numbered(sql: str, bindings: int | None) -> str:
    """Put ``$1``, ``$2`` … where the values go; texts and comments stay as they are."""
    try:
        marks = list(_marks(sql))
    except (parser.ParseError, UnicodeError) as error:
        raise QueryRefused(_not_understood(error)) from error
    if len({text for _, text in marks}) > 1:
        raise QueryRefused(_("Use one sign for all values: ? or %s."))
    if bindings is not None and (
        len(marks) != bindings or bindings > allowed.MOST_BINDINGS
    ):
        raise QueryRefused(
            _("The query has %(marks)d places for values, but %(values)d came along.")
            % {"marks": len(marks), "values": bindings}
        )
    raw, at, parts = sql.encode(), 0, []
    for number, (start, text) in enumerate(marks, 1):
        parts += [raw[at:start], f" ${number} ".encode()]
        at = start + len(text)
    return (b"".join(parts) + raw[at:]).decode()


def _marks(sql: str) -> Iterator[tuple[int, str]]:
    """Yield where the values go, by bytes: as PostgreSQL's scanner sees it."""
    raw = sql.encode()
    percent = -2
    for token in parser.scan(sql):
        text = raw[token.start : token.end + 1].decode()
        if token.name == "PARAM":
            raise QueryRefused(_("Use ? for a value, not $1."))
        if text == "?":
            yield token.start, "?"
        elif token.name == "IDENT" and text == "s" and percent == token.start - 1:
            yield percent, "%s"
        percent = token.start if text == "%" else -2


def _only_statement(sql: str) -> Any:
    try:
        statements = parser.parse_sql(sql)
    except (parser.ParseError, RecursionError, UnicodeError, ValueError) as error:
        raise QueryRefused(_not_understood(error)) from error
    if len(statements) != 1:
        raise QueryRefused(_("Write one query at a time, without a semicolon inside."))
    return statements[0]


def _not_understood(error: Exception) -> str:
    return _("The query can't be read: %(why)s.") % {"why": str(error.args[0])[:200]}


class _Check:
    """One walk over the tree; stops at the first thing that is not allowed."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._nodes = self._relations = self._concatenations = 0
        self._ctes: set[str] = set()
        self.views: set[str] = set()

    def run(self) -> None:
        """Check everything.

        :raises QueryRefused: something is not allowed.
        """
        if not isinstance(self._root, ast.SelectStmt):
            raise QueryRefused(_("Only SELECT is allowed: this page reads."))
        nodes = list(_walk(self._root))
        self._ctes = {
            str(node.ctename) for node in nodes if isinstance(node, ast.CommonTableExpr)
        }
        if len(nodes) > allowed.MOST_NODES:
            raise QueryRefused(_("The query is too complicated. Make it simpler."))
        for node in nodes:
            kind = type(node).__name__
            if kind not in allowed.NODES:
                raise QueryRefused(
                    _("This is not allowed in a query here: %(what)s.") % {"what": kind}
                )
            check = getattr(self, f"_check_{kind}", None)
            if check is not None:
                check(node)

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
        if names[-1] not in allowed.FUNCTIONS or not is_built_in:
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
        names = [one.sval for one in node.name]
        is_known = len(names) == 1 and names[0] in allowed.OPERATORS
        if node.kind == enums.A_Expr_Kind.AEXPR_SIMILAR or not is_known:
            raise QueryRefused(
                _("The operator %(name)s is not allowed.")
                % {"name": ".".join(names)[:20]}
            )
        if names[0] == "||":
            self._concatenate(1)

    def _check_TypeName(self, node: Any) -> None:
        names = [one.sval for one in node.names or ()]
        is_plain = names[:-1] in ([], ["pg_catalog"]) and not node.pct_type
        if not names or names[-1] not in allowed.TYPES or not is_plain or node.setof:
            raise QueryRefused(
                _("The type %(name)s is not allowed.") % {"name": ".".join(names)[:60]}
            )

    def _check_SQLValueFunction(self, node: Any) -> None:
        if enums.SQLValueFunctionOp(node.op).name not in allowed.VALUES:
            raise QueryRefused(_("Only dates and times are known by name here."))

    def _check_ColumnRef(self, node: Any) -> None:
        for field in node.fields:
            name = getattr(field, "sval", "")
            if name in _SYSTEM_COLUMNS or name.startswith("pg_"):
                raise QueryRefused(
                    _("There is no column %(name)s.") % {"name": name[:60]}
                )

    def _concatenate(self, times: int) -> None:
        self._concatenations += times
        if self._concatenations > allowed.MOST_CONCATENATIONS:
            raise QueryRefused(
                _("At most %(most)d texts may be joined.")
                % {"most": allowed.MOST_CONCATENATIONS}
            )


_SYSTEM_COLUMNS = {"tableoid", "xmin", "xmax", "cmin", "cmax", "ctid"}


def _walk(root: Any) -> Iterator[Any]:
    """Yield every node below one, itself first; no recursion that a query could dig."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, tuple | list):
            waiting.extend(reversed(node))
        elif isinstance(node, ast.Node):
            yield node
            names: tuple[str, ...] = type(node).__slots__  # type: ignore[attr-defined]
            waiting.extend(getattr(node, name) for name in reversed(names))
