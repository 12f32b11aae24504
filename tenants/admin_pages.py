"""The kinds of admin pages: set-up of a company, logs, what only operators see."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.db import IntegrityError, models
from django.forms import Field, ModelForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from tenants import audit_history, permissions
from tenants.admin_forms import OwnedForm
from tenants.fields import EncryptedTextField

#: Rows of these refer to the platform's accounts and to bytes: for operators.
OPERATORS_FIELDS = {"company", "account"}

Column = TypeVar("Column", bound=Callable[..., Any])


def badge(
    description: Any, *, ordering: str, colors: Mapping[str, str] | bool = True
) -> Callable[[Column], Column]:
    """Show a column as a badge.

    The column returns its value and the text to show; ``colors`` maps values.
    """

    def mark(column: Column) -> Column:
        marks = {
            "short_description": description,
            "admin_order_field": ordering or None,
            "label": colors,
        }
        for name, value in marks.items():
            if value is not None:
                setattr(column, name, value)
        return column

    return mark


class Silent:
    """Every page of ours: it tells of no row that is not there within the wall.

    Django's own log stays empty: its table could be read from every company.
    """

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """Return the row. A foreign id, a random one and no id at all answer alike.

        :raises Http404: there is none here.
        """
        row = super().get_object(request, object_id, from_field)  # type: ignore[misc]
        if row is None and self.has_view_permission(request):  # type: ignore[attr-defined]
            raise Http404
        return row

    def _get_obj_does_not_exist_redirect(self, *_: Any) -> HttpResponse:
        raise Http404

    def log_additions(self, *arguments: Any, **values: Any) -> None:
        """Log nothing."""

    def log_addition(self, *arguments: Any, **values: Any) -> None:
        """Log nothing."""

    def log_change(self, *arguments: Any, **values: Any) -> None:
        """Log nothing."""

    def log_deletions(self, *arguments: Any, **values: Any) -> None:
        """Log nothing."""

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Show the row's part of the audit trail instead.

        :raises Http404: the row is not there within the wall, or has no trail.
        """
        return audit_history.view(self, request, object_id)

    def render_change_form(
        self, request: HttpRequest, context: Any, *given: Any, **more: Any
    ) -> HttpResponse:
        """Link to the row's trail where this person may read it."""
        context["show_history"] = audit_history.is_shown(request, more.get("obj"))
        page: HttpResponse = super().render_change_form(  # type: ignore[misc]
            request, context, *given, **more
        )
        return page


class OperatorOnly(Silent):
    """The platform's pages: for operators who look after every company just then."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Let operators in."""
        return permissions.is_operator(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let operators in."""
        return permissions.is_operator(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let operators in."""
        return permissions.is_operator(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let operators in."""
        return permissions.is_operator(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let operators in."""
        return permissions.is_operator(request)


class CompanyPages(Silent, ModelAdmin):  # type: ignore[misc]
    """Rows of a company. Members meet their own, operators everybody's.

    The wall decides which rows there are; roles decide what may be done with them.
    """

    #: Who sees these rows, and who finds the page in the menu (None: the same).
    seen_by: Sequence[str] = permissions.OFFICE
    listed_for: Sequence[str] | None = None
    #: Columns that hold what people said: not for each who sees the row.
    words_fields: Sequence[str] = ()
    #: What is said where only the database saw that something exists.
    collision: Any = _("Nothing was saved: this exists already.")

    form: type[ModelForm[Any]] = OwnedForm
    list_filter_submit = True
    list_per_page = 50
    show_full_result_count = False
    #: Fields in which only operators may write.
    operators_fields: Sequence[str] = ()

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show the page in the menu of those who work with it."""
        listed_for = self.seen_by if self.listed_for is None else self.listed_for
        return permissions.has_role(request, listed_for)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let those see the rows whose role includes them."""
        return permissions.has_role(request, self.seen_by)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let owners and the desk add."""
        return permissions.may_edit(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let owners and the desk change."""
        return permissions.may_edit(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let owners and the desk delete, where nothing refers to it."""
        return permissions.may_edit(request)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Leave the platform's own rows to operators."""
        rows: models.QuerySet[Any] = super().get_queryset(request)
        if self._has_company and not permissions.is_operator(request):
            rows = rows.filter(company__isnull=False)
        return rows

    def get_ordering(self, request: HttpRequest) -> Sequence[Any]:
        """Order also what is suggested page by page."""
        ordering: Sequence[Any] = super().get_ordering(request)
        return ordering or self.opts.ordering or ("-pk",)

    @property
    def _has_company(self) -> bool:
        return any(field.name == "company" for field in self.opts.fields)

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Show operators whose row it is."""
        columns = list(super().get_list_display(request))
        if self._has_company and permissions.is_operator(request):
            columns.insert(1, "company")
        return columns

    def get_list_select_related(self, request: HttpRequest) -> list[str]:
        """Join what the list shows: no query per row."""
        shown = {
            field.name
            for field in self.opts.fields
            if field.is_relation and field.name in self.get_list_display(request)
        }
        return sorted(shown | set(self.list_select_related or ()))

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        """Let operators choose a company."""
        filters = list(super().get_list_filter(request))
        if self._has_company and permissions.is_operator(request):
            filters.insert(0, ("company", AutocompleteSelectFilter))
        return filters

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Ask operators whose row it is; members' is their company's."""
        fields = list(super().get_fields(request, obj))
        if permissions.is_operator(request):
            first = ["company"] if self._has_company else []
            return first + [name for name in fields if name != "company"]
        return [name for name in fields if name not in OPERATORS_FIELDS]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """A row never changes its company."""
        fields = list(super().get_readonly_fields(request, obj))
        if obj is not None and self._has_company:
            fields.append("company")
        if not permissions.is_operator(request):
            fields += self.operators_fields
        return fields

    def get_autocomplete_fields(self, request: HttpRequest) -> list[str]:
        """Search for rows instead of listing them all."""
        return [
            field.name
            for field in self.opts.fields
            if isinstance(field, models.ForeignKey)
            and field.remote_field.model in self.admin_site._registry
            and field.name != "user"
        ]

    def formfield_for_foreignkey(
        self, db_field: models.Field[Any, Any], request: HttpRequest, **more: Any
    ) -> Field | None:
        """Offer of people, whose table has no wall, only those who work here."""
        if db_field.related_model is get_user_model():
            people = get_user_model().objects.filter(memberships__isnull=False)
            more.setdefault("queryset", people.distinct())
        field: Field | None = super().formfield_for_foreignkey(
            db_field, request, **more
        )
        return field

    def lookup_allowed(
        self, lookup: str, value: Any, request: HttpRequest | None = None
    ) -> bool:
        """Refuse an address that asks what this person may not read."""
        first = lookup.split("__")[0]
        field = next((one for one in self.opts.fields if one.name == first), None)
        if isinstance(field, EncryptedTextField | models.BinaryField):
            return False
        if request is not None and first in self._unreadable(request):
            return False
        is_allowed: bool = super().lookup_allowed(lookup, value, request)
        return is_allowed

    def _unreadable(self, request: HttpRequest) -> set[str]:
        hidden = set() if permissions.is_operator(request) else set(OPERATORS_FIELDS)
        if not permissions.may_read_words(request):
            hidden.update(self.words_fields)
        return hidden

    def changeform_view(self, request: HttpRequest, *given: Any, **more: Any) -> Any:
        """Show the form; say so where only the database saw that it can't be."""
        try:
            return super().changeform_view(request, *given, **more)
        except IntegrityError:
            self.message_user(request, self.collision, messages.ERROR)
            return redirect(request.get_full_path())


class LogPages(CompanyPages):
    """Rows that the product writes and nobody changes."""

    form = ModelForm

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes."""
        return False

    #: Shown beside the columns of the table.
    more_fields: Sequence[str] = ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Show every column but bytes, keys, and what this person may not read."""
        hidden = self._unreadable(request)
        columns = [
            field.name
            for field in self.opts.fields
            if not isinstance(field, models.BinaryField) and field.name not in hidden
        ]
        more = [name for name in self.more_fields if name not in hidden]
        return columns + more

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """All of them."""
        return self.get_fields(request, obj)
