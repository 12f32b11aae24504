"""The audit trail as a page: for owners their company's, for operators everybody's."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList as DjangoChangeList
from django.contrib.auth import get_user_model
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.views import ChangeList

from tenants import permissions
from tenants.admin_pages import LogPages
from tenants.audit_words import NOTHING, Words, model_of
from tenants.models import AuditEntry

#: The tables that the triggers watch, and who signs in.
SUBJECTS = (
    "tenants_company",
    "tenants_branch",
    "tenants_phonenumber",
    "tenants_service",
    "tenants_staff",
    "tenants_staffservice",
    "tenants_provideraccount",
    "tenants_membership",
    "tenants_apikey",
    "bookings_customer",
    "bookings_appointment",
    "bookings_callback",
    "auth_user",
    "webhooks_webhookpause",
)


#: Who looks for something older chooses a period, or searches.
MOST_PAGED = 10_000


class LatestEntries(Paginator):  # type: ignore[type-arg]
    """Pages through the latest entries; a year's are never counted for a page."""

    @cached_property
    def count(self) -> int:
        """Return how many there are to page through."""
        return int(self.object_list[:MOST_PAGED].count())  # type: ignore[attr-defined]


class SubjectFilter(admin.SimpleListFilter):
    """What it was about."""

    title = _("about")
    parameter_name = "subject"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the tables by their names for people."""
        models = ((table, model_of(table)) for table in SUBJECTS)
        return [(table, model._meta.verbose_name) for table, model in models if model]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry]
    ) -> QuerySet[AuditEntry]:
        """Return what was about it."""
        return queryset.filter(subject=self.value()) if self.value() else queryset


class PeriodFilter(admin.SimpleListFilter):
    """How long ago."""

    title = _("when")
    parameter_name = "days"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the periods."""
        return [
            ("1", _("the last 24 hours")),
            ("7", _("the last 7 days")),
            ("30", _("the last 30 days")),
            ("old", _("before that")),
        ]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry]
    ) -> QuerySet[AuditEntry]:
        """Return what happened then."""
        chosen = self.value()
        if chosen == "old":
            return queryset.filter(at__lt=timezone.now() - timedelta(days=30))
        if chosen in ("1", "7", "30"):
            return queryset.filter(at__gte=timezone.now() - timedelta(int(chosen)))
        return queryset


class EntryList(ChangeList):  # type: ignore[misc]
    """The list of entries: as many queries for one as for a page."""

    def get_results(self, request: HttpRequest) -> None:
        """Look up the names that the entries of this page need."""
        super().get_results(request)
        words = Words(self.result_list)
        for entry in words.entries:
            entry.words = words  # type: ignore[attr-defined]
        self.result_list: list[Any] = words.entries


@admin.register(AuditEntry)
class AuditEntryAdmin(LogPages):
    """Who did what, and when. Nobody changes it: the database refuses."""

    list_display = ("at", "sentence", "address", "correlation_id")
    list_display_links = ("at", "sentence")
    list_filter = ("action", "actor", SubjectFilter, PeriodFilter)
    search_fields = ("correlation_id",)
    search_help_text = _("An id, a correlation id, or who it was.")
    ordering = ("-at",)
    sortable_by = ()
    paginator = LatestEntries

    class Media:
        css = {"all": ["tenants/audit.css"]}

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Let owners and operators in."""
        return permissions.is_owner(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let owners and operators in."""
        return permissions.is_owner(request)

    def get_changelist(
        self, request: HttpRequest, **more: Any
    ) -> type[DjangoChangeList]:
        """Use the list that knows the names."""
        return EntryList

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Begin with the sentence."""
        company = ["company"] if permissions.is_operator(request) else []
        return [
            *("sentence", "what_changed", "about", "at", *company),
            *("who", "address", "correlation_id", "action", "id"),
        ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        """Find an id of any kind exactly, a person also by a part of the name."""
        term = search_term.strip()
        if not term:
            return queryset, False
        people = get_user_model().objects.filter(
            Q(first_name__icontains=term) | Q(last_name__icontains=term)
        )
        names = list(people.values_list("username", flat=True)[:100])
        found = (
            Q(correlation_id=term)
            | Q(subject_id=term)
            | Q(actor_name__icontains=term)
            | Q(actor_name__in=names)
        )
        with suppress(ValueError):
            found |= Q(pk=UUID(term))
        return queryset.filter(found), False

    @admin.display(description=_("in words"))
    def sentence(self, entry: Any) -> str:
        """Return the entry as a sentence."""
        return _words(entry).sentence(entry)

    @admin.display(description=_("who"))
    def who(self, entry: AuditEntry) -> str:
        """Return who acted, and the name that was told."""
        said = _words(entry).who(entry)
        name = entry.actor_name
        return said if not name or name in said else f"{said}, {name}"

    @admin.display(description=_("changes"))
    def what_changed(self, entry: AuditEntry) -> SafeString | str:
        """Return a table of old and new."""
        changes = _words(entry).changes(entry)
        if not changes:
            return NOTHING
        headers = [gettext("field"), gettext("before"), gettext("afterwards")]
        rows = [[one.label, one.old, one.new] for one in changes]
        return render_to_string(
            "admin/call_steps.html", {"table": {"headers": headers, "rows": rows}}
        )

    @admin.display(description=_("about"))
    def about(self, entry: Any) -> SafeString | str:
        """Return the row, with a link where it still exists."""
        words = _words(entry)
        text, link = words.what(entry), getattr(entry, "row_link", None)
        if link is None:
            return f"{text} · {entry.subject_id}"
        return format_html('<a class="underline" href="{}">{}</a>', link, text)

    def get_object(self, request: HttpRequest, *given: Any, **more: Any) -> Any:
        """Bring the names along."""
        entry: Any = super().get_object(request, *given, **more)
        if entry is not None:
            entry.words = Words([entry])
            entry.row_link = entry.words.link(entry, request)
        return entry


def _words(entry: Any) -> Words:
    words: Words = entry.words
    return words
