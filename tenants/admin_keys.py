"""Keys of machines in the admin: made, rotated, revoked; each shown exactly once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
)

from askpro.errors import AskProError
from tenants import admin_uses, keys, permissions
from tenants.admin_forms import OwnedForm
from tenants.admin_pages import CompanyPages, badge
from tenants.models import ApiKey

State = keys.State
STATE_COLORS: dict[str, str] = {
    State.ACTIVE: "success",
    State.REPLACED: "warning",
    State.PAUSED: "warning",
    State.EXPIRED: "danger",
    State.REVOKED: "danger",
}
#: How long both keys may hold, in hours.
OVERLAPS = [
    (0, _("not at all: the old key ends now")),
    (1, _("1 hour")),
    (24, _("1 day")),
    (168, _("7 days")),
]
#: What is said where a key can't be rotated.
REFUSALS: dict[type[AskProError], Any] = {
    keys.KeyNotActive: _("This key has ended: make a new one instead."),
    keys.AlreadyRotated: _(
        "Another key takes its place already. Revoke that one first if it is lost."
    ),
}
#: Where a request keeps a key until its answer has shown it.
_MADE = "askpro_made_key"


class KeyForm(OwnedForm):
    """A key; its secret is no field, nobody chooses it."""

    scopes = forms.MultipleChoiceField(
        label=_("scopes"),
        choices=ApiKey.Scope.choices,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("Choose what this machine needs, and no more."),
    )

    class Meta:
        model = ApiKey
        fields = (
            "company",
            "name",
            "scopes",
            "branch",
            "expires_at",
            "is_streamed",
        )

    def clean_expires_at(self) -> Any:
        """Refuse a key that would be dead when it is made."""
        at = self.cleaned_data["expires_at"]
        if "expires_at" in self.changed_data and at and at <= timezone.now():
            raise forms.ValidationError(_("This time is over."))
        return at


class OverlapForm(forms.Form):
    """How long both keys shall hold."""

    overlap = forms.TypedChoiceField(
        label=_("Old and new key are both valid for"),
        choices=OVERLAPS,
        coerce=int,
        initial=24,
        widget=UnfoldAdminSelectWidget,
    )


@admin.register(ApiKey)
class ApiKeyAdmin(CompanyPages):
    """Keys that machines show at our doors; for owners and operators alone."""

    form = KeyForm
    list_display = ("name", "prefix", "state", "shown_scopes", "last_use")
    search_fields = ("name", "prefix", "branch__name")
    fields = ("name", "scopes", "branch", "expires_at", "is_streamed")
    readonly_fields = ("prefix", "shown_state", "last_use", "created_at", "created_by")
    list_before_template = "admin/key_list.html"
    actions_detail = ("rotate", "revoke")

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Keys are the owner's."""
        return permissions.is_owner(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Keys are the owner's."""
        return permissions.is_owner(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Keys are the owner's."""
        return permissions.is_owner(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let the owner change what has not ended."""
        is_over = isinstance(obj, ApiKey) and obj.revoked_at is not None
        return permissions.is_owner(request) and not is_over

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The audit trail names keys: they are revoked, never deleted."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        """Bring along what the state is made of."""
        return keys.with_state(super().get_queryset(request))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Show what became of a key once there is one; never its digest."""
        fields = super().get_fields(request, obj)
        given = list(self.readonly_fields)
        if obj is None:
            return [name for name in fields if name not in given]
        return fields + [name for name in given if name not in fields]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Offer one way to save: what follows shows the key."""
        context = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().changeform_view(
            request, object_id, form_url, context | (extra_context or {})
        )

    def save_model(
        self, request: HttpRequest, obj: ApiKey, form: Any, change: bool
    ) -> None:
        """Give a new key its secret, for the one page that shows it."""
        if change:
            super().save_model(request, obj, form, change)
            return
        obj.created_by = request.user  # type: ignore[assignment]
        setattr(request, _MADE, keys.issue(obj))

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: Any = None
    ) -> HttpResponse:
        """Show the key, in this very answer and in no other."""
        return self._show(request, obj, getattr(request, _MADE))

    def _show(
        self,
        request: HttpRequest,
        row: ApiKey,
        plain: str,
        *,
        old: ApiKey | None = None,
    ) -> HttpResponse:
        response = TemplateResponse(
            request,
            "admin/key_shown.html",
            self.admin_site.each_context(request)
            | {
                "opts": self.opts,
                "title": gettext("New key: %(name)s") % {"name": row.name},
                "key": plain,
                "row": row,
                "old": old,
                "list_url": reverse("admin:tenants_apikey_changelist"),
            },
        )
        response["Cache-Control"] = "no-store"
        return response

    @action(  # type: ignore[untyped-decorator]
        description=_("Rotate"),
        url_path="rotate",
        permissions=["change"],
        icon="autorenew",
    )
    def rotate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Make the key that takes this one's place, and show it."""
        row = self._row(request, object_id)
        form = OverlapForm(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            question = gettext(
                "A new key with the same scopes is made and shown once. Until the old"
                " one ends, both are valid: give the machine the new one meanwhile."
            )
            return self._ask(request, row, gettext("Rotate the key"), question, form)
        overlap = timedelta(hours=form.cleaned_data["overlap"])
        try:
            new, plain = keys.rotate(row, overlap=overlap, created_by=request.user)  # type: ignore[arg-type]
        except (keys.KeyNotActive, keys.AlreadyRotated) as error:
            self.message_user(request, REFUSALS[type(error)], messages.ERROR)
            return redirect("admin:tenants_apikey_change", row.pk)
        row.refresh_from_db(fields=["expires_at"])
        return self._show(request, new, plain, old=row)

    @action(  # type: ignore[untyped-decorator]
        description=_("Revoke"),
        url_path="revoke",
        permissions=["change"],
        icon="block",
        variant=ActionVariant.DANGER,
    )
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End a key for good, once that was meant."""
        row = self._row(request, object_id)
        if request.method != "POST":
            question = gettext(
                "Machines that show this key are refused within 30 seconds. This can't"
                " be undone; a new key can be made at any time."
            )
            return self._ask(request, row, gettext("Revoke the key"), question)
        keys.revoke(row)
        self.message_user(
            request,
            gettext("%(name)s is revoked.") % {"name": row.name},
            messages.SUCCESS,
        )
        return redirect("admin:tenants_apikey_changelist")

    def _row(self, request: HttpRequest, object_id: str) -> ApiKey:
        row = self.get_object(request, unquote(object_id))
        if row is None or not self.has_change_permission(request, row):
            raise Http404
        found: ApiKey = row
        return found

    def _ask(
        self,
        request: HttpRequest,
        row: ApiKey,
        title: str,
        question: str,
        form: forms.Form | None = None,
    ) -> HttpResponse:
        return TemplateResponse(
            request,
            "admin/key_question.html",
            self.admin_site.each_context(request)
            | {
                "opts": self.opts,
                "title": title,
                "row": row,
                "question": question,
                "form": form,
                "is_final": form is None,
                "back_url": reverse("admin:tenants_apikey_change", args=[row.pk]),
            },
        )

    @badge(_("state"), ordering="", colors=STATE_COLORS)
    def state(self, key: ApiKey) -> tuple[str, str]:
        """Return what the key is good for at this moment."""
        found = keys.state_of(key)
        return found.value, str(found.label)

    @admin.display(description=_("state"))
    def shown_state(self, key: ApiKey) -> str:
        """Return the same in words."""
        return str(keys.state_of(key).label)

    @admin.display(description=_("scopes"))
    def shown_scopes(self, key: ApiKey) -> str:
        """Return the scopes by their short names."""
        return ", ".join(key.scopes)

    @admin.display(description=_("last used"), ordering="last_used_at")
    def last_use(self, key: ApiKey) -> SafeString | str:
        """Return when the key was last shown, and from where."""
        return admin_uses.of_key(key)
