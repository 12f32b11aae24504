"""In which company somebody works: chosen in the session, proven at each request.

What the session says is a wish. Each request asks whose companies they are, so that a
membership that ended counts for nothing from then on.

A form belongs to the company in whose page it stood: the choice is bound to the secret
of the CSRF tokens, and both change together. So what was open in another window can't
be sent into the company that was chosen meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.middleware.csrf import get_token, rotate_token
from django.utils.crypto import constant_time_compare, salted_hmac

from tenants.models import Company, Membership
from tenants.scoping import every_company

#: Chosen instead of a company: an operator's every company.
EVERY = "every"
#: How many companies an operator finds again without a search.
MOST_RECENT = 5
PER_PAGE = 50

_CHOSEN, _RECENT = "askpro_company", "askpro_recent_companies"
_BOUND = "askpro_company_forms"
_ON_REQUEST = "askpro_choice"


@dataclass(frozen=True)
class Option:
    """A company that may be chosen, and what the person is there."""

    company_id: UUID
    name: str
    role: str | None = None


@dataclass(frozen=True)
class Choice:
    """Where somebody works in this request; without ``current`` in no company.

    For members ``options`` are all their companies, for operators the latest few.
    """

    current: Option | None = None
    options: tuple[Option, ...] = ()
    is_operator: bool = False
    #: The company that was chosen may not be worked in any more.
    has_ended: bool = False

    @property
    def is_every(self) -> bool:
        """Whether it is an operator's every company."""
        return self.is_operator and self.current is None

    @property
    def others(self) -> tuple[Option, ...]:
        """What else may be chosen without a search."""
        return tuple(one for one in self.options if one != self.current)

    @property
    def is_open(self) -> bool:
        """Whether there is anything to choose."""
        return self.is_operator or len(self.options) > 1


NOWHERE = Choice()


def of(request: HttpRequest) -> Choice:
    """Return where this person works in this request; looked up once."""
    found: Choice | None = getattr(request, _ON_REQUEST, None)
    if found is None:
        found = _look_up(request)
        setattr(request, _ON_REQUEST, found)
    return found


def roles(request: HttpRequest) -> dict[UUID, str]:
    """Return a member's role in each company."""
    return {one.company_id: one.role for one in of(request).options if one.role}


def _look_up(request: HttpRequest) -> Choice:
    user = cast(User, request.user)
    if not user.is_authenticated:
        return NOWHERE
    session: Any = getattr(request, "session", {})
    told = session.get(_CHOSEN)
    chosen = _uuid(told)
    if user.is_superuser:
        recent = [pk for pk in map(_uuid, session.get(_RECENT, ())) if pk]
        named = _named({*recent, *([chosen] if chosen else [])})
        options = tuple(named[pk] for pk in recent if pk in named)
        current = named.get(chosen) if chosen else None
        is_operator = True
    else:
        options, is_operator = _mine(user), False
        first = options[0] if options else None
        current = next((one for one in options if one.company_id == chosen), first)
    has_ended = told not in (None, _told(current))
    return Choice(current, options, is_operator, has_ended)


def _mine(user: User) -> tuple[Option, ...]:
    memberships = Membership.objects.filter(user_id=user.pk, company__is_active=True)
    with every_company(with_probes=True):
        found = list(
            memberships.order_by("id").values_list(
                "company_id", "company__name", "role"
            )
        )
    return tuple(Option(*one) for one in found)


def _named(ids: set[UUID]) -> dict[UUID, Option]:
    if not ids:
        return {}
    with every_company():
        found = list(Company.objects.filter(pk__in=ids).values_list("pk", "name"))
    return {pk: Option(pk, name) for pk, name in found}


def _uuid(text: object) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None


def find(request: HttpRequest, wished: str) -> Option | None:
    """Return the company that somebody asks for, if that person may work there."""
    company_id = _uuid(wished)
    if company_id is None:
        return None
    if request.user.is_superuser:
        return _named({company_id}).get(company_id)
    options = of(request).options
    return next((one for one in options if one.company_id == company_id), None)


def page(request: HttpRequest, words: str, number: int) -> tuple[list[Option], bool]:
    """Return a page of the companies that may be chosen, and whether more follow.

    :param words: each must be in the name, the short name or the number.
    """
    first = (number - 1) * PER_PAGE
    if not request.user.is_superuser:
        options = [o for o in of(request).options if words.lower() in o.name.lower()]
        return options[first : first + PER_PAGE], len(options) > first + PER_PAGE
    companies: QuerySet[Company] = Company.objects.order_by("name", "pk")
    for word in words.split():
        is_number = Q(number=int(word)) if word.isdecimal() and len(word) < 10 else Q()
        companies = companies.filter(
            Q(name__icontains=word) | Q(slug__icontains=word) | is_number
        )
    with every_company():
        found = list(companies.values_list("pk", "name")[first : first + PER_PAGE + 1])
    return [Option(*one) for one in found[:PER_PAGE]], len(found) > PER_PAGE


def choose(request: HttpRequest, option: Option | None) -> None:
    """Work in a company from the next request on; None is an operator's every one."""
    session = request.session
    if option is not None and request.user.is_superuser:
        latest = [str(option.company_id), *session.get(_RECENT, ())]
        session[_RECENT] = list(dict.fromkeys(latest))[:MOST_RECENT]
    session[_CHOSEN] = _told(option)
    rotate_token(request)
    session[_BOUND] = _forms(request)


def settle(request: HttpRequest) -> bool:
    """Bind the forms of this session to its company; return whether they were.

    Where they were not, because the choice has ended or another request of the same
    session undid it, what was open before can't be sent any more.
    """
    found, session = of(request), request.session
    bound = session.get(_BOUND)
    is_bound = bound is None or constant_time_compare(bound, _forms(request))
    is_settled = is_bound and not found.has_ended
    if not is_settled:
        rotate_token(request)
    if bound is None or not is_settled:
        session[_CHOSEN] = _told(found.current)
        session[_BOUND] = _forms(request)
    return is_settled


def _told(option: Option | None) -> str:
    return str(option.company_id) if option else EVERY


def _forms(request: HttpRequest) -> str:
    """Return what tells this browser's CSRF secret from others, not the secret."""
    if "CSRF_COOKIE" not in request.META:
        get_token(request)
    secret = str(request.META["CSRF_COOKIE"])
    return salted_hmac("askpro.choice", secret).hexdigest()[:32]
