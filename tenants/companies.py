"""The company that an operator names: by number, by short name, by id."""

from __future__ import annotations

from uuid import UUID

from askpro.errors import AskProError
from tenants.models import Company
from tenants.scoping import every_company


class UnknownCompany(AskProError):
    """No company has this number, short name or id."""


def find(text: str) -> Company:
    """Return the company.

    :raises UnknownCompany: there is none; the message names those that are.
    """
    with every_company():
        companies = Company.objects.all()
        found = None
        if text.isdecimal():
            found = companies.filter(number=int(text)).first()
        elif (company_id := _uuid(text)) is not None:
            found = companies.filter(pk=company_id).first()
        found = found or companies.filter(slug=text).first()
        if found is None:
            known = ", ".join(companies.values_list("slug", flat=True)[:20])
            raise UnknownCompany(
                f"No company is called {text!r}. Known: {known or 'none yet'}."
            )
    return found


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
