"""A row's own part of the audit trail, as a page beside its form; and readings."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.utils import unquote
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from tenants import audit, permissions
from tenants.audit import Action
from tenants.audit_words import Words
from tenants.models import AuditEntry

#: How many of a row's entries its page shows.
MOST_SHOWN = 200


def is_shown(request: HttpRequest, row: models.Model | None) -> bool:
    """Tell whether this person may read what happened to a row."""
    if row is None or row.pk is None or isinstance(row, AuditEntry):
        return False
    if not permissions.is_owner(request):
        return False
    return hasattr(row, "company_id") or row._meta.label == "tenants.Company"


def view(page: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """Show what happened to a row, newest first.

    :raises Http404: there is no such row within the wall, or it is not for this person.
    """
    row = page.get_object(request, unquote(object_id))
    if not is_shown(request, row) or not page.has_view_permission(request, row):
        raise Http404
    entries = AuditEntry.objects.filter(
        company_id=row.pk if row._meta.label == "tenants.Company" else row.company_id,
        subject=row._meta.db_table,
        subject_id=str(row.pk),
    ).order_by("-at", "-pk")[:MOST_SHOWN]
    words = Words(entries)
    rows = [
        [
            date_format(timezone.localtime(entry.at), "SHORT_DATETIME_FORMAT"),
            words.sentence(entry),
            entry.address or "–",
        ]
        for entry in words.entries
    ]
    context = page.admin_site.each_context(request) | {
        "title": f"{_('History')}: {row}",
        "table": {"headers": [_("at"), _("in words"), _("address")], "rows": rows},
        "most": MOST_SHOWN if len(rows) == MOST_SHOWN else None,
        "opts": page.opts,
        "original": row,
        "object": row,
    }
    request.current_app = page.admin_site.name
    return TemplateResponse(request, "admin/audit_history.html", context)


class RecordsReading:
    """A page that shows what people said: each opening is written down, once."""

    def tells_words(self, row: Any) -> bool:
        """Tell whether there is anything to read."""
        return True

    def render_change_form(
        self, request: HttpRequest, context: Any, *given: Any, **more: Any
    ) -> HttpResponse:
        """Write it down, then show it."""
        row = more.get("obj")
        may_read = permissions.may_read_words(request)
        if row is not None and may_read and self.tells_words(row):
            audit.record(
                Action.READ,
                company_id=row.company_id,
                subject=row._meta.db_table,
                subject_id=str(row.pk),
            )
        page: HttpResponse = super().render_change_form(  # type: ignore[misc]
            request, context, *given, **more
        )
        return page
