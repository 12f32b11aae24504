"""Where the values go: ``?`` and ``%s``, as PostgreSQL's own scanner sees them."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _
from pglast import parser

from integrations.sql import allowed
from integrations.sql.refusals import QueryRefused, unreadable


def numbered(sql: str, bindings: int | None) -> str:
    """Put ``$1``, ``$2`` … where the values go; texts and comments stay as they are.

    :param bindings: how many values come along; None: any number.
    :raises QueryRefused: the marks are not clear, or too few or many for the values.
    """
    marks = list(_marks(sql))
    if len({sql[start:end] for start, end in marks}) > 1:
        raise QueryRefused(_("Use one sign for all values: ? or %s."))
    if bindings is not None and len(marks) != bindings:
        raise QueryRefused(
            _("The query has %(marks)d places for values, but %(values)d came along.")
            % {"marks": len(marks), "values": bindings}
        )
    if len(marks) > allowed.MOST_BINDINGS:
        raise QueryRefused(
            _("At most %(most)d values may come along.")
            % {"most": allowed.MOST_BINDINGS}
        )
    at, parts = 0, []
    for number, (start, end) in enumerate(marks, 1):
        parts += [sql[at:start], f" ${number} "]
        at = end
    return "".join(parts) + sql[at:]


def count(sql: str) -> int:
    """Return how many values a query wants.

    :raises QueryRefused: it can't be read.
    """
    return sum(1 for _mark in _marks(sql))


def _marks(sql: str) -> Iterator[tuple[int, int]]:
    """Yield beginning and end of each mark.

    An operator may stick to its mark: ``=?`` is one word for the scanner, ``=%s`` two.
    """
    percent = -2
    for start, end, kind in _tokens(sql):
        text = sql[start:end]
        if kind == "PARAM":
            raise QueryRefused(_("Use ? for a value, not $1."))
        if kind == "Op":
            yield from (
                (start + at, start + at + 1)
                for at, sign in enumerate(text)
                if sign == "?"
            )
        elif text == "s" and percent == start - 1:
            yield percent, end
        is_operator = kind in ("Op", "ASCII_37")
        percent = end - 1 if is_operator and text.endswith("%") else -2


def _tokens(sql: str) -> list[tuple[int, int, str]]:
    """Scan, by characters: flat, so that nothing can be nested too deep for it.

    :raises QueryRefused: it can't be scanned, or is too long for the parser's stack.
    """
    try:
        tokens = [(one.start, one.end + 1, one.name) for one in parser.scan(sql)]
    except (parser.ParseError, UnicodeError) as error:
        raise unreadable(sql, error) from None
    if len(tokens) > allowed.MOST_TOKENS:
        raise QueryRefused(_("The query is too complicated. Make it simpler."))
    return tokens
