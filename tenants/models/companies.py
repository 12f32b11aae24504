"""Whose call it is: companies, their branches, numbers, services and staff."""

from __future__ import annotations

from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from askpro.ids import uuid7

#: Germany's federal states (ISO 3166-2): their holidays differ.
REGIONS = [
    (code, code)
    for code in (
        *("BB", "BE", "BW", "BY", "HB", "HE", "HH", "MV"),
        *("NI", "NW", "RP", "SH", "SL", "SN", "ST", "TH"),
    )
]


def validate_time_zone(name: str) -> None:
    """Refuse a name that is no IANA time zone."""
    if name not in available_timezones():
        raise ValidationError(_("Unknown time zone, for example: Europe/Berlin."))


class Company(models.Model):
    """A tenant: everything else belongs to one."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.PositiveIntegerField(
        _("number"),
        unique=True,
        editable=False,
        db_default=models.Func(
            models.Value("tenants_company_number"),
            function="nextval",
            output_field=models.PositiveIntegerField(),
        ),
    )
    name = models.CharField(_("name"), max_length=120)
    slug = models.SlugField(_("short name"), unique=True)
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        default="Europe/Berlin",
        validators=[validate_time_zone],
    )
    language = models.CharField(_("language"), max_length=8, default="de")
    region = models.CharField(
        _("federal state"), max_length=2, blank=True, choices=REGIONS
    )
    retention_days = models.PositiveIntegerField(_("retention in days"), default=30)
    cancellation_notice_min = models.PositiveIntegerField(
        _("latest cancellation in minutes before the start"), default=0
    )
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("company")
        verbose_name_plural = _("companies")
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class TenantOwned(models.Model):
    """A row of one company, behind the wall."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    company = models.ForeignKey(
        Company, on_delete=models.PROTECT, related_name="+", verbose_name=_("company")
    )

    class Meta:
        abstract = True


class Branch(TenantOwned):
    """A shop that answers a telephone number."""

    slug = models.SlugField(_("short name"))
    name = models.CharField(_("name"), max_length=120)
    address = models.CharField(_("address"), max_length=300, blank=True)
    email = models.EmailField(_("e-mail for notices"), blank=True)
    time_zone = models.CharField(
        _("time zone"), max_length=64, blank=True, help_text=_("Empty: the company's.")
    )
    region = models.CharField(
        _("federal state"), max_length=2, blank=True, choices=REGIONS
    )
    opening_hours = models.JSONField(
        _("opening hours"),
        default=dict,
        blank=True,
        help_text=_('For example {"mon": ["09:00-12:30", "14:00-18:00"]}.'),
    )
    minimum_notice_min = models.PositiveIntegerField(
        _("minimum notice in minutes"), default=60
    )
    booking_window_days = models.PositiveIntegerField(
        _("booking window in days"), default=60, validators=[MinValueValidator(1)]
    )
    cancellation_notice_min = models.PositiveIntegerField(
        _("latest cancellation in minutes before the start"),
        null=True,
        blank=True,
        help_text=_("Empty: the company's."),
    )
    calcom_event_type_id = models.PositiveBigIntegerField(
        _("Cal.com event type id"), null=True, blank=True
    )
    retell_agent_id = models.CharField(_("Retell agent id"), max_length=80, blank=True)
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("branch")
        verbose_name_plural = _("branches")
        ordering = ("name",)
        constraints = [
            models.UniqueConstraint(
                fields=["company", "slug"], name="branch_slug_once_per_company"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        """The branch's own time zone, else its company's."""
        return ZoneInfo(self.time_zone or self.company.time_zone)


class PhoneNumber(TenantOwned):
    """A number that callers dial; it alone decides branch and company."""

    number = models.CharField(
        _("number"),
        max_length=20,
        unique=True,
        validators=[
            RegexValidator(r"^\+[1-9]\d{6,14}$", _("Use the form +493012345678."))
        ],
    )
    branch = models.ForeignKey(
        Branch,
        on_delete=models.CASCADE,
        db_constraint=False,
        related_name="phone_numbers",
        verbose_name=_("branch"),
    )
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("phone number")
        verbose_name_plural = _("phone numbers")

    def __str__(self) -> str:
        return self.number


class Service(TenantOwned):
    """What can be booked at a branch."""

    branch = models.ForeignKey(
        Branch,
        on_delete=models.CASCADE,
        db_constraint=False,
        related_name="services",
        verbose_name=_("branch"),
    )
    name = models.CharField(_("name"), max_length=120)
    synonyms = models.JSONField(_("synonyms"), default=list, blank=True)
    duration_min = models.PositiveIntegerField(
        _("duration in minutes"), validators=[MinValueValidator(1)]
    )
    buffer_before_min = models.PositiveIntegerField(
        _("buffer before in minutes"), default=0
    )
    buffer_after_min = models.PositiveIntegerField(
        _("buffer after in minutes"), default=0
    )
    price_eur = models.DecimalField(
        _("price in €"), max_digits=8, decimal_places=2, null=True, blank=True
    )
    capacity = models.PositiveIntegerField(
        _("places"), default=1, validators=[MinValueValidator(1)]
    )
    calcom_event_type_id = models.PositiveBigIntegerField(
        _("Cal.com event type id"),
        null=True,
        blank=True,
        help_text=_("Empty: the branch's."),
    )
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("service")
        verbose_name_plural = _("services")
        constraints = [
            models.UniqueConstraint(
                fields=["company", "branch", "name"], name="service_once_per_branch"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Staff(TenantOwned):
    """A person whose time is booked."""

    branch = models.ForeignKey(
        Branch,
        on_delete=models.CASCADE,
        db_constraint=False,
        related_name="staff",
        verbose_name=_("branch"),
    )
    name = models.CharField(_("name"), max_length=120)
    email = models.EmailField(_("e-mail"), blank=True)
    calcom_user_id = models.PositiveBigIntegerField(
        _("Cal.com user id"), null=True, blank=True
    )
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("staff member")
        verbose_name_plural = _("staff")

    def __str__(self) -> str:
        return self.name


class StaffService(TenantOwned):
    """A service that a staff member does."""

    staff = models.ForeignKey(
        Staff,
        on_delete=models.CASCADE,
        db_constraint=False,
        related_name="offers_services",
        verbose_name=_("staff member"),
    )
    service = models.ForeignKey(
        Service,
        on_delete=models.CASCADE,
        db_constraint=False,
        related_name="done_by",
        verbose_name=_("service"),
    )
    calcom_event_type_id = models.PositiveBigIntegerField(
        _("Cal.com event type id"),
        null=True,
        blank=True,
        help_text=_("Empty: the service's."),
    )

    class Meta:
        verbose_name = _("service of a staff member")
        verbose_name_plural = _("services of staff members")
        constraints = [
            models.UniqueConstraint(
                fields=["company", "staff", "service"], name="staff_does_service_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.staff}: {self.service}"
