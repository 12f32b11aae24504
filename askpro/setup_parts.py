"""What a set-up file may say: its parts, and complaints that name a place in it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic_core import ErrorDetails

from askpro.errors import AskProError
from tenants.models import REGIONS
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


def _quoted(text: Any) -> Any:
    if isinstance(text, int):
        raise ValueError('a number without quotes, write for example "+493012345678"')
    return text


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
Number = Annotated[str, BeforeValidator(_quoted), AfterValidator(_number)]
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


#: The parts by the key that holds them, to name what may stand there.
_PARTS: dict[str, type[_Part]] = {
    "": Setup,
    "companies": CompanyPart,
    "calcom": CalcomPart,
    "retell": RetellPart,
    "branches": BranchPart,
    "services": ServicePart,
    "staff": StaffPart,
    "customers": CustomerPart,
    "users": UserPart,
}


def read(data: Any) -> Setup:
    """Return a checked set-up.

    :raises BadSetup: each complaint names its place in the file.
    """
    try:
        return Setup.model_validate(data)
    except ValidationError as error:
        found = [f"{place_of(one['loc'])}: {_words(one)}" for one in error.errors()]
        raise BadSetup("\n".join(found)) from error


def place_of(path: Sequence[int | str]) -> str:
    """Return ``companies[0].branches[1]`` for a path of keys and positions."""
    text = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in path)
    return text.lstrip(".") or "the file"


def _words(error: ErrorDetails) -> str:
    """Return what is wrong, and what to do."""
    if error["type"] == "missing":
        return "is missing, add it"
    if error["type"] != "extra_forbidden":
        return error["msg"].removeprefix("Value error, ")
    *above, key = error["loc"]
    holders = [one for one in above if isinstance(one, str)]
    known = sorted(_PARTS[holders[-1] if holders else ""].model_fields)
    likely = get_close_matches(str(key), known, n=1)
    if likely:
        return f"unknown key, did you mean {likely[0]}?"
    return f"unknown key, use one of {', '.join(known)}"
