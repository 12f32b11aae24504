"""What somebody who signed in may do: operators all, others by their role.

Who may do what stands as a table in docs/operations.md.
"""

from __future__ import annotations

from collections.abc import Collection

from django.http import HttpRequest

from tenants import choice, scoping
from tenants.models import Membership

Role = Membership.Role
EVERYBODY = (Role.OWNER, Role.DESK, Role.STAFF, Role.READ_ONLY)
#: Who sees the set-up and the logs.
OFFICE = (Role.OWNER, Role.DESK, Role.READ_ONLY)
EDITORS = (Role.OWNER, Role.DESK)
OWNERS = (Role.OWNER,)
#: Who closes a callback.
CLOSERS = (Role.OWNER, Role.DESK, Role.STAFF)
#: Who reads what was said, and bodies as they came.
READERS = (Role.OWNER, Role.DESK, Role.STAFF)


def is_operator(request: HttpRequest) -> bool:
    """Tell whether this person looks after every company, at this moment.

    An operator who chose one company works in it as its owner does, and no further.
    """
    user = request.user
    return bool(user.is_active and user.is_superuser and scoping.is_every())


def role(request: HttpRequest) -> str | None:
    """Return the role in the company whose scope is open; None without one.

    Asked many times a page. It holds for this request and this company alone.
    """
    user, company_id = request.user, scoping.current_company()
    if company_id is None or not user.is_active:
        return None
    if user.is_superuser:
        return Role.OWNER
    return choice.roles(request).get(company_id) if user.is_staff else None


def has_role(request: HttpRequest, roles: Collection[str]) -> bool:
    """Tell whether this person is an operator, or has one of these roles."""
    return is_operator(request) or role(request) in roles


def may_view(request: HttpRequest) -> bool:
    """Tell whether this person may look at rows of the company at all."""
    return has_role(request, EVERYBODY)


def may_see_set_up(request: HttpRequest) -> bool:
    """Tell whether this person may look at the company's set-up and logs."""
    return has_role(request, OFFICE)


def may_read_words(request: HttpRequest) -> bool:
    """Tell whether this person may read what was said, and bodies as they came."""
    return has_role(request, READERS)


def may_edit(request: HttpRequest) -> bool:
    """Tell whether this person may change the company's set-up."""
    return has_role(request, EDITORS)


def is_owner(request: HttpRequest) -> bool:
    """Tell whether this person may change keys and people of the company."""
    return has_role(request, OWNERS)
