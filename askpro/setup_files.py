"""A company's set-up as a file: read, checked, written all at once or not at all.

What the file leaves out stays as it is, so that a file may be applied again and
again. Each complaint names the place in the file and what to write there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import available_timezones

from django.contrib.auth import get_user_model
from django.db import DataError, IntegrityError, models, transaction
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from askpro.errors import AskProError
from askpro.ids import uuid7
from bookings.models import Customer
from tenants.models import (
    REGIONS,
    Branch,
    Company,
    Membership,
    PhoneNumber,
    ProviderAccount,
    Service,
    Staff,
    StaffService,
)
from tenants.numbers import e164
from tenants.opening_hours import validate as validate_hours


class BadSetup(AskProError):
    """The set-up file can't be applied; nothing was changed."""


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("unknown time zone, write for example Europe/Berlin")
    return name


def _number(text: str) -> str:
    number = e164(text)
    if number is None:
        raise ValueError("no telephone number, write for example +493012345678")
    return number


def _hours(opening_hours: dict[str, list[str]]) -> dict[str, list[str]]:
    validate_hours(opening_hours)
    return opening_hours


def _region(code: str) -> str:
    if code not in dict(REGIONS):
        raise ValueError(
            f"unknown federal state, use one of {', '.join(dict(REGIONS))}"
        )
    return code


Zone = Annotated[str, AfterValidator(_zone)]
Number = Annotated[str, AfterValidator(_number)]
Region = Annotated[str, AfterValidator(_region)]
Hours = Annotated[dict[str, list[str]], AfterValidator(_hours)]
Slug = Annotated[str, Field(pattern=r"^[-a-zA-Z0-9_]+$", max_length=50)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class CalcomPart(_Part):
    """A company's own Cal.com account."""

    api_key: str = ""
    base_url: str = "https://api.cal.com"
    webhook_secret: str = ""


class RetellPart(_Part):
    """A company's own Retell account."""

    api_key: str = ""
    webhook_keys: list[str] = Field(default_factory=list, max_length=2)
    base_url: str = "https://api.retellai.com"


class ServicePart(_Part):
    """What can be booked."""

    name: str = Field(min_length=1, max_length=120)
    duration_min: int = Field(gt=0)
    calcom_event_type_id: int | None = Field(None, gt=0)
    buffer_before_min: int = Field(0, ge=0)
    buffer_after_min: int = Field(0, ge=0)
    price_eur: Decimal | None = Field(None, ge=0, max_digits=8, decimal_places=2)
    synonyms: list[str] = []
    capacity: int = Field(1, gt=0)


class StaffPart(_Part):
    """A person, and what she does."""

    name: str = Field(min_length=1, max_length=120)
    email: str = ""
    calcom_user_id: int | None = Field(None, gt=0)
    services: list[str] = []


class BranchPart(_Part):
    """A shop."""

    slug: Slug
    id: UUID | None = None
    name: str = Field(min_length=1, max_length=120)
    address: str = ""
    timezone: Zone | None = None
    region: Region | None = None
    phone_numbers: list[Number] = []
    retell_agent_id: str | None = None
    calcom_event_type_id: int | None = Field(None, gt=0)
    minimum_notice_min: int | None = Field(None, ge=0)
    booking_window_days: int | None = Field(None, gt=0)
    opening_hours: Hours | None = None
    services: list[ServicePart] = []
    staff: list[StaffPart] = []


class CustomerPart(_Part):
    """A customer, matched by name and number."""

    name: str = Field(min_length=1, max_length=160)
    phone: Number | None = None
    email: str | None = None


class UserPart(_Part):
    """Somebody who may sign in."""

    email: str = Field(pattern=r"^[^@\s]+@[^@\s]+$")
    role: Literal["owner", "desk", "staff", "read_only"]


class CompanyPart(_Part):
    """A company with all that belongs to it."""

    slug: Slug
    name: str = Field(min_length=1, max_length=120)
    timezone: Zone | None = None
    region: Region | None = None
    calcom: CalcomPart | None = None
    retell: RetellPart | None = None
    branches: list[BranchPart] = []
    customers: list[CustomerPart] = []
    users: list[UserPart] = []


class Setup(_Part):
    """A whole file."""

    companies: list[CompanyPart] = Field(min_length=1)


def read(data: Any) -> Setup:
    """Return a checked set-up.

    :raises BadSetup: each complaint names its place in the file.
    """
    try:
        return Setup.model_validate(data)
    except ValidationError as error:
        complaints = [f"{_place(one['loc'])}: {one['msg']}" for one in error.errors()]
        raise BadSetup("\n".join(complaints)) from error


def _place(path: tuple[int | str, ...]) -> str:
    text = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in path)
    return text.lstrip(".") or "the file"


def apply(data: Any) -> Counter[str]:
    """Write a set-up down; return what was created, changed or found as it is.

    Runs in a scope that may write every company it names.

    :raises BadSetup: nothing was changed.
    """
    setup = read(data)
    counts: Counter[str] = Counter()
    with transaction.atomic():
        for position, part in enumerate(setup.companies):
            place = f"companies[{position}]"
            try:
                _Writer(counts, place).company(part)
            except IntegrityError as error:
                raise BadSetup(
                    f"{place}: an id in it belongs to something else already."
                ) from error
            except DataError as error:
                raise BadSetup(f"{place}: a text or number is too long.") from error
    return counts


class _Writer:
    """Writes one company; counts what it did."""

    def __init__(self, counts: Counter[str], place: str) -> None:
        self.counts = counts
        self.place = place

    def company(self, part: CompanyPart) -> None:
        company = self._put(
            Company,
            {"slug": part.slug},
            {"name": part.name, "time_zone": part.timezone, "region": part.region},
        )
        self.owner = company
        self._accounts(part)
        for branch in part.branches:
            self._branch(branch)
        for customer in part.customers:
            self._put(
                Customer,
                {"company": company, "name": customer.name, "phone": customer.phone},
                {"email": customer.email},
            )
        for person in part.users:
            self._user(person)

    def _accounts(self, part: CompanyPart) -> None:
        if part.calcom is not None:
            self._account(
                "calcom",
                part.calcom,
                api_key=part.calcom.api_key or None,
                webhook_secret=part.calcom.webhook_secret or None,
            )
        if part.retell is not None:
            first, second = [*part.retell.webhook_keys, "", ""][:2]
            self._account(
                "retell",
                part.retell,
                api_key=part.retell.api_key or None,
                webhook_secret=first or None,
                webhook_secret_previous=second or None,
            )

    def _account(
        self, provider: str, part: CalcomPart | RetellPart, **values: str | None
    ) -> None:
        key = {"company": self.owner, "provider": provider}
        is_new = not ProviderAccount.objects.filter(**key).exists()
        if is_new or "base_url" in part.model_fields_set:
            values["base_url"] = part.base_url
        self._put(ProviderAccount, key, values)

    def _branch(self, part: BranchPart) -> None:
        key: dict[str, Any] = {"company": self.owner, "slug": part.slug}
        branch = self._put(
            Branch,
            key,
            {
                "name": part.name,
                "address": part.address or None,
                "time_zone": part.timezone,
                "region": part.region,
                "retell_agent_id": part.retell_agent_id,
                "calcom_event_type_id": part.calcom_event_type_id,
                "minimum_notice_min": part.minimum_notice_min,
                "booking_window_days": part.booking_window_days,
                "opening_hours": part.opening_hours,
            },
            new_id=part.id,
        )
        for number in part.phone_numbers:
            self._number(number, branch)
        services = {one.name: self._service(one, branch) for one in part.services}
        for person in part.staff:
            self._person(person, branch, services)

    def _number(self, number: str, branch: Branch) -> None:
        taken = PhoneNumber.objects.filter(number=number).first()
        if taken is not None and taken.branch_id != branch.pk:
            raise BadSetup(f"{self.place}: {number} belongs to another branch already.")
        self._put(PhoneNumber, {"number": number}, {"branch": branch})

    def _service(self, part: ServicePart, branch: Branch) -> Service:
        values = part.model_dump(exclude={"name"}, exclude_unset=True)
        key = {"company": self.owner, "branch": branch, "name": part.name}
        service: Service = self._put(Service, key, values)
        return service

    def _person(
        self, part: StaffPart, branch: Branch, services: Mapping[str, Service]
    ) -> None:
        person = self._put(
            Staff,
            {"company": self.owner, "branch": branch, "name": part.name},
            {"email": part.email or None, "calcom_user_id": part.calcom_user_id},
        )
        for name in part.services:
            service = services.get(name) or branch.services.filter(name=name).first()
            if service is None:
                raise BadSetup(
                    f"{self.place}: {part.name} does {name!r}: no service here."
                )
            self._put(
                StaffService,
                {"company": self.owner, "staff": person, "service": service},
                {},
            )

    def _user(self, part: UserPart) -> None:
        users = get_user_model().objects
        user = users.filter(username=part.email).first()
        if user is None:
            # Without a password nobody signs in until one is set.
            user = users.create_user(username=part.email, email=part.email)
        if not user.is_staff:
            user.is_staff = True
            user.save(update_fields=["is_staff"])
        key = {"company": self.owner, "user": user}
        self._put(Membership, key, {"role": part.role})

    def _put(
        self,
        model: Any,
        key: dict[str, Any],
        values: dict[str, Any],
        *,
        new_id: UUID | None = None,
    ) -> Any:
        """Create or change a row; None among the values changes nothing."""
        values = {name: value for name, value in values.items() if value is not None}
        row: models.Model | None = model.objects.filter(**key).first()
        if row is None:
            if "company" not in key and model is not Company:
                key = key | {"company": self.owner}
            self.counts["created"] += 1
            return model.objects.create(id=new_id or uuid7(), **key, **values)
        changed = [name for name, old in values.items() if getattr(row, name) != old]
        for name in changed:
            setattr(row, name, values[name])
        if changed:
            row.save(update_fields=changed)
        self.counts["changed" if changed else "unchanged"] += 1
        return row
