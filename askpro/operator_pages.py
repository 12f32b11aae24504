"""Pages of other packages in our look, for operators alone."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth import admin as auth_admin
from django.contrib.auth.models import Group, User
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django_celery_beat import admin as beat_admin
from django_celery_beat import models as beat
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from askpro.people import reset_page, second_factor
from tenants.admin_pages import OperatorOnly
from tenants.isolation.probes import PEOPLE


class UserPages(OperatorOnly, auth_admin.UserAdmin, ModelAdmin):  # type: ignore[misc,type-arg]
    """People who sign in."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = (
        "username",
        "email",
        "first_name",
        "last_name",
        "is_superuser",
        "has_factor",
    )
    actions_detail = ("reset_second_factor",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Leave out the people of the break-in test."""
        people: QuerySet[User] = super().get_queryset(request)
        factors = Authenticator.objects.filter(
            user=OuterRef("pk"), type__in=second_factor.FACTORS
        )
        return people.exclude(username__startswith=PEOPLE).annotate(
            _has_factor=Exists(factors)
        )

    @admin.display(description=_("second factor"), boolean=True)
    def has_factor(self, user: Any) -> bool:
        """Tell whether the person has one."""
        return bool(user._has_factor)

    @action(  # type: ignore[untyped-decorator]
        description=_("Reset the second factor"),
        url_path="reset-second-factor",
        permissions=["change"],
        icon="lock_reset",
        variant=ActionVariant.DANGER,
    )
    def reset_second_factor(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take away a second factor that was lost."""
        return reset_page.view(self, request, object_id)


class GroupPages(OperatorOnly, auth_admin.GroupAdmin, ModelAdmin):  # type: ignore[misc]
    """Django's groups; our roles are memberships."""


class TaskSelect(UnfoldAdminSelectWidget, beat_admin.TaskSelectWidget):  # type: ignore[misc]
    """The registered tasks to choose from."""


class PeriodicTaskForm(beat_admin.PeriodicTaskForm):  # type: ignore[misc]
    """A periodic task in our look."""

    def __init__(self, *arguments: Any, **values: Any) -> None:
        super().__init__(*arguments, **values)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = TaskSelect()


class PeriodicTaskPages(OperatorOnly, beat_admin.PeriodicTaskAdmin, ModelAdmin):  # type: ignore[misc]
    """What the clock starts."""

    form = PeriodicTaskForm


class SchedulePages(OperatorOnly, ModelAdmin):  # type: ignore[misc]
    """When the clock starts something."""


class ClockedPages(OperatorOnly, beat_admin.ClockedScheduleAdmin, ModelAdmin):  # type: ignore[misc]
    """A single moment."""


class CrontabPages(OperatorOnly, beat_admin.CrontabScheduleAdmin, ModelAdmin):  # type: ignore[misc]
    """A time as cron writes it."""


def register() -> None:
    """Put these pages in the place of the packages' own."""
    pages: dict[Any, Any] = {
        User: UserPages,
        Group: GroupPages,
        beat.PeriodicTask: PeriodicTaskPages,
        beat.IntervalSchedule: SchedulePages,
        beat.CrontabSchedule: CrontabPages,
        beat.SolarSchedule: SchedulePages,
        beat.ClockedSchedule: ClockedPages,
    }
    # What the sign-in keeps for itself; people see their own on its pages.
    for model in (EmailAddress, Authenticator, UserSession):
        admin.site.unregister(model)
    for model, page in pages.items():
        admin.site.unregister(model)
        admin.site.register(model, page)
