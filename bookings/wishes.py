"""What a caller said, read: never a default for what was not said or not understood."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from bookings import hours
from bookings.answers import Code, Declined
from bookings.calls import Caller
from bookings.language import names, phrases
from bookings.language.choices import match_service, match_staff
from bookings.language.times import Reading, resolve_wish
from bookings.models import Customer, Offer
from tenants.models import Branch, Service, Staff
from tenants.numbers import e164

_DICTATED = ((r"\s+(at|ät|klammeraffe)\s+", "@"), (r"\s+(punkt|dot)\s+", "."))
#: Whom a caller wishes who wishes nobody.
_ANYBODY = re.compile(
    r"(?i)^\W*(?:(?:ist |mir |völlig |ganz )*(?:egal|gleich)\b|beliebig|jede[rn]?\b"
    r"|irgend\s?(?:wer|jemand)|wer (?:gerade |auch immer )?(?:frei|zeit)"
    r"|any(?:one|body)\b|any$|kein\w* (?:präferenz|wunsch|bestimmt\w*))"
)
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


@dataclass(frozen=True)
class Wish:
    """The arguments of a tool, as a language model wrote them down."""

    date: str = ""
    time: str = ""
    service: str = ""
    staff: str = ""
    name: str = ""
    phone: str = ""
    email: str = ""
    reason: str = ""
    confirmed: bool | None = None
    offer_id: str = ""
    appointment_id: str = ""


def moment_of(caller: Caller, wish: Wish) -> Reading:
    """Return date and time as they were meant.

    :raises Declined: they can't be read or contradict each other; asks.
    """
    branch = caller.branch
    reading = resolve_wish(
        wish.date,
        wish.time,
        now=caller.now,
        zone=branch.zone,
        region=branch.region or branch.company.region,
        hours=hours.span(branch),
    )
    if reading.question or reading.error:
        raise Declined(
            Code.INVALID_INPUT, reading.question or phrases.ask_date(), field="date"
        )
    return reading


def services_of(branch: Branch) -> list[Service]:
    """Return what can be booked, by name."""
    return list(branch.services.filter(is_active=True).order_by("name"))


def service_of(branch: Branch, spoken: str, *, offers: Sequence[Offer] = ()) -> Service:
    """Return the service that was named; unnamed, the one that is clear anyway.

    :param offers: what this call was offered: a booking means the same service.
    :raises Declined: none or several fit; asks.
    """
    services = services_of(branch)
    if not services:
        raise Declined(
            Code.UPSTREAM_UNAVAILABLE, phrases.upstream_unavailable(), needs_person=True
        )
    if names.is_placeholder(spoken):
        offered = {offer.service_id for offer in offers}
        clear = [one for one in services if one.pk in offered] or services
        if len(clear) == 1:
            return clear[0]
        raise Declined(Code.AMBIGUOUS, phrases.ask_service([one.name for one in clear]))
    fitting = _named(spoken, services)
    if len(fitting) == 1:
        return fitting[0]
    code = Code.AMBIGUOUS if fitting else Code.INVALID_INPUT
    raise Declined(code, phrases.ask_service([one.name for one in fitting or services]))


def _named(spoken: str, services: Sequence[Service]) -> list[Service]:
    matches = match_service(
        spoken, [(one.pk, one.name, one.synonyms) for one in services]
    )
    return [one for one in services if one.pk in matches]


def check_offer(branch: Branch, wish: Wish, offer: Offer) -> None:
    """Refuse an offer that is of another service or person than was named with it.

    :raises Declined: asks which is meant.
    """
    named = [] if names.is_placeholder(wish.service) else services_of(branch)
    fitting = _named(wish.service, named)
    if fitting and offer.service not in fitting:
        both = [offer.service.name, *(one.name for one in fitting)]
        raise Declined(Code.AMBIGUOUS, phrases.ask_service(both), field="service")
    staff = staff_of(branch, wish.staff)
    if staff is not None and staff != offer.staff:
        offered = [offer.staff.name] if offer.staff else []
        question = phrases.ask_staff([*offered, staff.name])
        raise Declined(Code.AMBIGUOUS, question, field="staff")


def staff_of(branch: Branch, spoken: str) -> Staff | None:
    """Return the person who was wished, by name or id; None if nobody was.

    :raises Declined: nobody or several are called so; asks.
    """
    if names.is_placeholder(spoken) or _ANYBODY.search(spoken):
        return None
    people = list(branch.staff.filter(is_active=True).order_by("name"))
    try:
        wanted = uuid.UUID(spoken)
    except ValueError:
        matches = match_staff(spoken, [(one.pk, one.name) for one in people])
        fitting = [one for one in people if one.pk in matches]
    else:
        fitting = [one for one in people if one.pk == wanted]
    if len(fitting) == 1:
        return fitting[0]
    code = Code.AMBIGUOUS if fitting else Code.NOT_FOUND
    raise Declined(code, phrases.ask_staff([one.name for one in fitting or people]))


def name_of(caller: Caller, wish: Wish, known: Customer | None) -> str:
    """Return the name for an appointment.

    :raises Declined: no plausible name was said and none is known; asks.
    """
    spoken = " ".join(wish.name.split())
    if names.is_placeholder(spoken):
        if known is not None:
            return known.name
        raise Declined(Code.INVALID_INPUT, phrases.ask_name(), field="name")
    own = [one.name for one in caller.branch.staff.filter(is_active=True)]
    if not names.is_plausible(spoken, staff=own):
        raise Declined(Code.INVALID_INPUT, phrases.ask_name(), field="name")
    return spoken[:160]


def email_of(spoken: str) -> str | None:
    """Return a dictated address; None for what is none: a booking works without."""
    text = f" {spoken.strip().lower()} "
    for pattern, sign in _DICTATED:
        text = re.sub(pattern, sign, text)
    text = text.replace(" ", "").translate(_UMLAUTS)
    try:
        validate_email(text)
    except ValidationError:
        return None
    return text


def phone_of(caller: Caller, wish: Wish) -> str | None:
    """Return the number to reach the caller at: said, else signed, else told."""
    return e164(wish.phone) or caller.phone or caller.said_phone
