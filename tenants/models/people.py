"""Who signs in, and what they may do in a company."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models.companies import TenantOwned


class Membership(TenantOwned):
    """What a person who signs in may do in a company."""

    class Role(models.TextChoices):
        OWNER = "owner", _("owner")
        DESK = "desk", _("desk")
        STAFF = "staff", _("staff")
        READ_ONLY = "read_only", _("read only")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="memberships",
        verbose_name=_("user"),
    )
    role = models.CharField(_("role"), max_length=16, choices=Role)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [
            models.UniqueConstraint(
                fields=["company", "user"], name="membership_once_per_company"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.get_role_display()}"
