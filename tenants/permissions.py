"""What somebody who signed in may do: operators all, others by their role."""

from __future__ import annotations

from django.http import HttpRequest

from tenants import scoping
from tenants.models import Membership

Role = Membership.Role
EDITORS = (Role.OWNER, Role.DESK)

_REMEMBERED = "askpro_role"


def is_operator(request: HttpRequest) -> bool:
    """Tell whether this person looks after every company."""
    return bool(request.user.is_active and request.user.is_superuser)


def role(request: HttpRequest) -> str | None:
    """Return the role in the company whose scope is open; None without one.

    Asked many times a page, looked up once a request.
    """
    if not hasattr(request, _REMEMBERED):
        setattr(request, _REMEMBERED, _look_up(request))
    found: str | None = getattr(request, _REMEMBERED)
    return found


def _look_up(request: HttpRequest) -> str | None:
    user = request.user
    if scoping.current_company() is None or not (user.is_active and user.is_staff):
        return None
    mine = Membership.objects.filter(user_id=user.pk)
    return mine.values_list("role", flat=True).first()


def may_view(request: HttpRequest) -> bool:
    """Tell whether this person may look at the company's rows."""
    return is_operator(request) or role(request) is not None


def may_edit(request: HttpRequest) -> bool:
    """Tell whether this person may change the company's set-up."""
    return is_operator(request) or role(request) in EDITORS


def is_owner(request: HttpRequest) -> bool:
    """Tell whether this person may change keys and people of the company."""
    return is_operator(request) or role(request) == Role.OWNER
