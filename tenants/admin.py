"""Set-up: companies, branches, and what a branch needs before it takes calls."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList as DjangoChangeList
from django.db import transaction
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.views import ChangeList
from unfold.widgets import INPUT_CLASSES

from tenants import (
    admin_audit,  # noqa: F401 (its import registers the page)
    admin_isolation,  # noqa: F401 (its import registers the page)
    admin_keys,  # noqa: F401 (its import registers the page)
    admin_uses,
    invitations,
    permissions,
    readiness,
)
from tenants.admin_forms import (
    AccountForm,
    BranchForm,
    NewMemberForm,
    PhoneNumberForm,
    SecretInput,
    ServiceForm,
)
from tenants.admin_pages import CompanyPages
from tenants.fields import EncryptedTextField
from tenants.models import (
    Branch,
    Company,
    Membership,
    PhoneNumber,
    ProviderAccount,
    Service,
    Staff,
    StaffService,
)

#: A sign and a sentence in the colors of unfold's labels, which never break a line.
BADGE = (
    '<span class="font-semibold inline-block px-2 py-0.5 rounded-default text-xs {}">'
    '<span aria-hidden="true">{}</span> {}</span>'
)
READY = "bg-green-100 text-green-700 dark:bg-green-500/20 dark:text-green-400"
MISSING = "bg-red-100 text-red-700 dark:bg-red-500/20 dark:text-red-400"


@admin.register(Company)
class CompanyAdmin(CompanyPages):
    """Companies; deleting one is no click."""

    list_display = ("name", "number", "slug", "branches", "is_active")
    list_filter = ("is_active", "region")
    search_fields = ("name", "slug", "number")
    readonly_fields = ("number", "created_at")
    operators_fields = ("slug", "retention_days", "is_active")

    form = ModelForm

    def get_queryset(self, request: HttpRequest) -> QuerySet[Company]:
        """Count the branches along."""
        branches = Branch.objects.filter(company=OuterRef("pk"), is_active=True)
        counted = branches.order_by().values("company").values(n=Count("pk"))
        count = Coalesce(Subquery(counted), 0)
        companies: QuerySet[Company] = super().get_queryset(request)
        return companies.annotate(branch_count=count)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Show what the database gives a company once there is one."""
        given = set(self.readonly_fields) if obj is None else set()
        fields = super().get_fields(request, obj)
        return [name for name in fields if name not in given]

    @admin.display(description=_("branches"))
    def branches(self, company: Any) -> int:
        """Return how many there are."""
        return int(company.branch_count)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let operators add companies."""
        return permissions.is_operator(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes a company here."""
        return False


class BranchList(ChangeList):  # type: ignore[misc]
    """The list of branches, each with its gaps: as many queries for one as for all."""

    def get_results(self, request: HttpRequest) -> None:
        """Look what the branches of this page lack."""
        super().get_results(request)
        branches: list[Any] = list(self.result_list)
        found = readiness.gaps_of(branches)
        for branch in branches:
            branch.gaps = found[branch.pk]
        self.result_list: list[Any] = branches


class ReadinessFilter(admin.SimpleListFilter):
    """Ready for calls, or not."""

    title = _("readiness")
    parameter_name = "readiness"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the two answers."""
        return [("ready", _("ready")), ("missing", _("not ready"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Branch]
    ) -> QuerySet[Branch]:
        """Return the branches with, or without gaps."""
        if self.value() not in ("ready", "missing"):
            return queryset
        wants_ready = self.value() == "ready"
        found = readiness.gaps_of(queryset.select_related(None))
        chosen = [pk for pk, gaps in found.items() if bool(gaps) != wants_ready]
        return queryset.filter(pk__in=chosen)


@admin.register(Branch)
class BranchAdmin(CompanyPages):
    """Branches; those that may not take calls yet stand out."""

    seen_by, listed_for = permissions.EVERYBODY, permissions.OFFICE
    form = BranchForm
    list_display = ("name", "readiness", "numbers", "is_active")
    list_filter = (ReadinessFilter, "is_active", "region")
    search_fields = ("name", "slug", "phone_numbers__number", "retell_agent_id")
    readonly_fields = ("what_is_missing",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Branch]:
        """Bring the numbers along."""
        return super().get_queryset(request).prefetch_related("phone_numbers")

    def get_changelist(
        self, request: HttpRequest, **more: Any
    ) -> type[DjangoChangeList]:
        """Use the list that knows the gaps."""
        return BranchList

    def get_fields(self, request: HttpRequest, obj: Branch | None = None) -> list[Any]:
        """Begin with what is missing, and where it is entered."""
        first = [
            *(["what_is_missing"] if obj else []),
            *(["company"] if permissions.is_operator(request) else []),
            *("name", "slug", "calcom_event_type_id", "retell_agent_id"),
        ]
        fields = super().get_fields(request, obj)
        more = [one for one in fields if one not in (*first, "what_is_missing")]
        return first + more

    @admin.display(description=_("readiness"))
    def readiness(self, branch: Any) -> SafeString:
        """Return a badge that names what is missing, and may break its line."""
        if not branch.gaps:
            return format_html(BADGE, READY, "✓", gettext("ready"))
        names = ", ".join(gap.what or gap.problem for gap in branch.gaps)
        text = gettext("not ready: %(names)s") % {"names": names}
        return format_html(BADGE, MISSING, "✗", text)

    @admin.display(description=_("phone numbers"))
    def numbers(self, branch: Branch) -> str:
        """Return the active ones."""
        numbers = branch.phone_numbers.all()
        return ", ".join(one.number for one in numbers if one.is_active) or "–"

    @admin.display(description=_("readiness"))
    def what_is_missing(self, branch: Branch) -> SafeString:
        """Return each gap with its remedy."""
        gaps = readiness.gaps(branch)
        if not gaps:
            return format_html(BADGE, READY, "✓", gettext("ready"))
        rows = format_html_join(
            "",
            '<li class="mt-2"><strong>{}.</strong> {}</li>',
            ((gap.problem, gap.remedy) for gap in gaps),
        )
        title = ngettext(
            "Calls can't be taken yet: %(count)d thing is missing.",
            "Calls can't be taken yet: %(count)d things are missing.",
            len(gaps),
        ) % {"count": len(gaps)}
        return format_html(
            "{}<ul>{}</ul>", format_html(BADGE, MISSING, "✗", title), rows
        )


@admin.register(PhoneNumber)
class PhoneNumberAdmin(CompanyPages):
    """Numbers that callers dial."""

    form = PhoneNumberForm
    list_display = ("number", "branch", "is_active")
    list_filter = ("is_active",)
    search_fields = ("number", "branch__name")
    # Dialled numbers alone are one company's among all.
    collision = _("Nothing was saved: this exists already, perhaps elsewhere.")


@admin.register(Service)
class ServiceAdmin(CompanyPages):
    """What can be booked."""

    seen_by, listed_for = permissions.EVERYBODY, permissions.OFFICE
    form = ServiceForm
    list_display = ("name", "branch", "duration_min", "price_eur", "is_active")
    list_filter = ("is_active",)
    search_fields = ("name", "branch__name", "calcom_event_type_id")
    ordering = ("name", "pk")


@admin.register(Staff)
class StaffAdmin(CompanyPages):
    """Whose time is booked."""

    seen_by, listed_for = permissions.EVERYBODY, permissions.OFFICE
    list_display = ("name", "branch", "email", "is_active")
    list_filter = ("is_active",)
    search_fields = ("name", "email", "branch__name")
    ordering = ("name", "pk")


@admin.register(StaffService)
class StaffServiceAdmin(CompanyPages):
    """Who does what."""

    list_display = ("staff", "service", "calcom_event_type_id")
    search_fields = ("staff__name", "service__name", "calcom_event_type_id")


@admin.register(ProviderAccount)
class ProviderAccountAdmin(CompanyPages):
    """Keys at Cal.com and Retell: entered here, never shown again."""

    form = AccountForm
    formfield_overrides = {
        EncryptedTextField: {"widget": SecretInput({"class": " ".join(INPUT_CLASSES)})}
    }
    list_display = ("provider", "keys", "base_url", "is_active")
    list_filter = ("provider", "is_active")
    search_fields = ("company__name", "base_url", "endpoint")
    readonly_fields = ("webhook_address", "keys", "last_uses")
    actions = ("forget_previous_secret",)
    operators_fields = ("base_url",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Keys are the owner's."""
        return permissions.is_owner(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Keys are the owner's."""
        return permissions.is_owner(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Logs refer to accounts: they are switched off, never deleted."""
        return False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Hide secrets from those who may not enter them: read-only is shown plain."""
        fields = super().get_fields(request, obj)
        if self.has_change_permission(request):
            return list(fields)
        return [name for name in fields if name not in AccountForm.SECRETS]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """An account stays with its provider."""
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else [*fields, "provider"]

    def save_model(
        self, request: HttpRequest, obj: ProviderAccount, form: Any, change: bool
    ) -> None:
        """Let an owner's account be at the provider's own address."""
        if not obj.base_url:
            obj.base_url = {
                "calcom": settings.CALCOM_BASE_URL,
                "retell": settings.RETELL_BASE_URL,
            }[obj.provider]
        super().save_model(request, obj, form, change)

    @admin.display(description=_("stored keys"))
    def keys(self, account: ProviderAccount) -> str:
        """Return which secrets are stored, never what they are."""
        stored = [
            str(field.verbose_name)
            for field in account._meta.fields
            if isinstance(field, EncryptedTextField) and getattr(account, field.name)
        ]
        return ", ".join(stored) or "–"

    @admin.display(description=_("webhook secrets in use"))
    def last_uses(self, account: ProviderAccount) -> SafeString | str:
        """Return when each webhook secret last signed a delivery."""
        return admin_uses.of_secrets(account)

    @admin.display(description=_("webhook address"))
    def webhook_address(self, account: ProviderAccount) -> str:
        """Return what has to be entered at the provider."""
        if account._state.adding:
            return "–"
        own = f"/{account.endpoint}" if account.company_id else ""
        return f"{settings.PUBLIC_BASE_URL}/api/webhooks/{account.provider}{own}"

    @admin.action(
        description=_("Forget the previous webhook secret"), permissions=["change"]
    )
    def forget_previous_secret(
        self, request: HttpRequest, queryset: QuerySet[ProviderAccount]
    ) -> None:
        """End a rotation: what is signed with the old secret is refused from now on."""
        count = queryset.exclude(webhook_secret="").update(webhook_secret_previous="")
        self.message_user(
            request,
            ngettext(
                "%(count)d account knows its new secret only.",
                "%(count)d accounts know their new secrets only.",
                count,
            )
            % {"count": count},
            messages.SUCCESS,
        )


@admin.register(Membership)
class MembershipAdmin(CompanyPages):
    """Who may sign in, and with which role."""

    seen_by = permissions.OWNERS
    list_display = ("user", "role")
    list_filter = ("role",)
    search_fields = ("user__username", "user__email")
    fields = ("email", "role")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """People are the owner's."""
        return permissions.is_owner(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """People are the owner's."""
        return permissions.is_owner(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody locks himself out."""
        is_self = obj is not None and obj.user_id == request.user.pk
        return permissions.is_owner(request) and not is_self

    def save_model(
        self, request: HttpRequest, obj: Membership, form: Any, change: bool
    ) -> None:
        """Write to who is new here; the same is said whether others know the person."""
        super().save_model(request, obj, form, change)
        if not change:
            transaction.on_commit(
                lambda: invitations.invite(obj.user, obj.company), robust=True
            )
            said = _("%(email)s gets an e-mail that tells how to sign in.")
            messages.info(request, said % {"email": form.cleaned_data["email"]})

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **more: Any
    ) -> Any:
        """Ask for an e-mail address where the person is new here."""
        if obj is None:
            more["form"] = NewMemberForm
        return super().get_form(request, obj, change=change, **more)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Name the person, once there is one."""
        person = "email" if obj is None else "user"
        is_operator = permissions.is_operator(request)
        return [*(["company"] if is_operator else []), person, "role"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """A membership stays with its person."""
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else [*fields, "user"]
