"""The page "Queries": one company's rows by SQL, for its owners and for operators."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from django.views.decorators.cache import never_cache

from integrations.sql import allowed, marks
from integrations.sql.reading import QueryFailed, Rows, query
from integrations.sql.refusals import QueryRefused
from integrations.sql.views import VIEWS
from tenants import audit, permissions, scoping
from tenants.admin_extras import ExtraPage

#: More is in the file: a page of a thousand rows helps nobody.
MOST_SHOWN = 200
#: Spreadsheets take what begins like this for a formula, and run it.
FORMULA = ("=", "+", "-", "@", "\t", "\r")

#: To begin with: what for, the text, its values.
EXAMPLES = (
    (
        gettext_noop("All appointments of a telephone number"),
        "SELECT * FROM appointments WHERE customer_phone = ?",
        ("+493012345678",),
    ),
    (
        gettext_noop("Booked appointments per day and branch, for the next two weeks"),
        "SELECT branch, date_trunc('day', starts_at AT TIME ZONE 'Europe/Berlin')"
        " AS day,\n       count(*) AS appointments\nFROM appointments\n"
        "WHERE state = 'booked'\n"
        "  AND starts_at BETWEEN now() AND now() + interval '14 days'\n"
        "GROUP BY 1, 2\nORDER BY 2, 1",
        (),
    ),
    (
        gettext_noop("Calls since a day, and what became of them"),
        "SELECT outcome, count(*) AS calls\nFROM calls\nWHERE rang_at >= ?\n"
        "GROUP BY outcome\nORDER BY calls DESC",
        ("2026-01-01",),
    ),
    (
        gettext_noop("How long tools needed in the last week"),
        "SELECT tool, count(*) AS calls,\n"
        "       percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms) AS p95_ms\n"
        "FROM tool_calls\nWHERE at > now() - interval '7 days'\n"
        "GROUP BY tool\nORDER BY p95_ms DESC",
        (),
    ),
    (
        gettext_noop("Customers without a booked appointment"),
        "SELECT name, phone\nFROM customers c\nWHERE NOT EXISTS (\n"
        "  SELECT 1 FROM appointments a\n"
        "  WHERE a.customer_id = c.id AND a.state = 'booked'\n)\nORDER BY name",
        (),
    ),
)


@dataclass
class _Asked:
    """What somebody asked, and what came back."""

    sql: str = ""
    values: list[str] = field(default_factory=list)
    error: str = ""
    found: Rows | None = None


@never_cache
def view(request: HttpRequest) -> HttpResponse:
    """Show the page; run what was posted, or give it as a file.

    :raises PermissionDenied: the person is no owner here; nothing was run.
    """
    if not permissions.is_owner(request):
        raise PermissionDenied
    asked = _example(request)
    if request.method == "POST" and scoping.current_company() is not None:
        asked = _run(request)
        if asked.found is not None and request.POST.get("as") == "csv":
            return _file(asked.found)
    return _page(request, asked)


def _example(request: HttpRequest) -> _Asked:
    number = request.GET.get("example", "")
    if number.isdecimal() and len(number) < 3 and int(number) < len(EXAMPLES):
        _for, sql, values = EXAMPLES[int(number)]
        return _Asked(sql, list(values))
    return _Asked()


def _run(request: HttpRequest) -> _Asked:
    # Browsers send each end of a line as two signs.
    sql = request.POST.get("sql", "").replace("\r\n", "\n")
    given = request.POST.getlist("value")[: allowed.MOST_BINDINGS]
    asked = _Asked(sql, given)
    try:
        places = _places(sql)
        missing = places - len(given)
        asked.values = (given + [""] * missing)[:places] if places else []
        if missing > 0:
            asked.error = _("Fill in the values, then run it again.")
        else:
            asked.found = query(sql, asked.values)
    except (QueryRefused, QueryFailed) as error:
        asked.error = str(error)
    return asked


def _places(sql: str) -> int:
    """Return how many values a query wants.

    What can't be read wants none; ``query`` says why, and writes it down.
    """
    if len(sql) > allowed.LONGEST_TEXT or "\0" in sql:
        return 0
    try:
        return marks.count(sql)
    except QueryRefused:
        return 0


def _page(request: HttpRequest, asked: _Asked) -> HttpResponse:
    found = asked.found
    context = admin.site.each_context(request) | {
        "title": _("Queries"),
        "is_somewhere": scoping.current_company() is not None,
        "asked": asked,
        "examples": [(number, _(one[0])) for number, one in enumerate(EXAMPLES)],
        "longest": allowed.LONGEST_TEXT,
        "views": [
            (view.name, _(view.meaning), [(c.name, _(c.meaning)) for c in view.columns])
            for view in VIEWS.values()
        ],
    }
    if found is not None:
        headings = [(one.name, one.type in _NUMERIC) for one in found.columns]
        context |= {
            "headings": headings,
            "rows": [
                [
                    (*heading, _shown(value))
                    for heading, value in zip(headings, row, strict=True)
                ]
                for row in found.rows[:MOST_SHOWN]
            ],
            "total": len(found.rows),
            "most_shown": MOST_SHOWN,
        }
    request.current_app = admin.site.name
    return TemplateResponse(request, "admin/queries.html", context)


#: Shown at the right, digit below digit.
_NUMERIC = {"int2", "int4", "int8", "float4", "float8", "numeric"}


def _shown(value: Any) -> str:
    """Return a value as people read it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, datetime):
        at = timezone.localtime(value) if timezone.is_aware(value) else value
        return date_format(at, "SHORT_DATETIME_FORMAT")
    if isinstance(value, date):
        return date_format(value, "SHORT_DATE_FORMAT")
    if isinstance(value, int):
        return number_format(value, force_grouping=True)
    if isinstance(value, float | Decimal) and isfinite(value):
        return number_format(round(float(value), 4), force_grouping=True)
    return str(value)


def _file(found: Rows) -> HttpResponse:
    """Give the rows as a file, and write down that they left."""
    company_id = scoping.current_company()
    audit.record(
        audit.Action.EXPORTED,
        company_id=company_id,
        subject="SQL",
        changes={"rows": [None, len(found.rows)]},
    )
    now = timezone.localtime()
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="abfrage-{now:%Y-%m-%d}.csv"'
    answer.write("\ufeff")  # or Excel takes the letters for others
    writer = csv.writer(answer, delimiter=";")
    writer.writerow([_cell(one.name) for one in found.columns])
    writer.writerows([_cell(value) for value in row] for row in found.rows)
    return answer


def _cell(value: Any) -> str:
    """Return a value as a spreadsheet reads it, and never as a formula."""
    if value is None:
        return ""
    if isinstance(value, datetime) and timezone.is_aware(value):
        value = timezone.localtime(value)
    if isinstance(value, datetime | date):
        return value.isoformat(sep=" ") if isinstance(value, datetime) else str(value)
    if isinstance(value, int | float | Decimal | UUID):
        return str(value)
    text = str(value)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


PAGE = ExtraPage(
    name="queries",
    path="queries/",
    label=gettext_lazy("Queries"),
    view=view,
    is_shown=permissions.is_owner,
)
