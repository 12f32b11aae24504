"""A hair salon with everything that it needs to take calls."""

from __future__ import annotations

from uuid import UUID

from tenants.models import (
    Branch,
    Company,
    PhoneNumber,
    ProviderAccount,
    Service,
    Staff,
    StaffService,
)
from tenants.scoping import every_company
from tests.system import SALON_NUMBER, System

#: The web process remembers the platform's account for some seconds: it must stay
#: the same from test to test.
PLATFORM_RETELL = UUID("0199aaaa-0000-7000-8000-000000000001")


def make(system: System, *, slug: str = "salon", number: str = SALON_NUMBER) -> Branch:
    """Return the branch of a company that is ready for calls."""
    with every_company():
        ProviderAccount.objects.get_or_create(
            pk=PLATFORM_RETELL,
            defaults={
                "provider": "retell",
                "base_url": system.sandbox["retell"]["base_url"],
                "api_key": system.sandbox["retell"]["api_key"],
                "webhook_secret": system.sandbox["retell"]["webhook_key"],
            },
        )
        company = Company.objects.create(name=slug.title(), slug=slug)
        ProviderAccount.objects.create(
            company=company,
            provider="calcom",
            base_url=system.sandbox["calcom"]["base_url"],
            api_key=system.sandbox["calcom"]["api_key"],
            webhook_secret=f"calcom secret of {slug}",
        )
        branch = Branch.objects.create(
            company=company,
            slug="mitte",
            name=f"{slug.title()} Mitte",
            calcom_event_type_id=system.sandbox["calcom"]["event_type_id"],
            retell_agent_id="agent_of_the_salon",
        )
        PhoneNumber.objects.create(company=company, branch=branch, number=number)
        service = Service.objects.create(
            company=company, branch=branch, name="Beratung", duration_min=30
        )
        person = Staff.objects.create(company=company, branch=branch, name="Anna Kamm")
        StaffService.objects.create(company=company, staff=person, service=service)
        return Branch.objects.select_related("company").get(pk=branch.pk)
