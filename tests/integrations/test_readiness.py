"""What the providers say about a branch, asked over HTTP."""

from __future__ import annotations

from integrations.sandbox.retell_state import AGENT_ID
from tenants import readiness
from tenants.models import Branch, ProviderAccount, Service, StaffService
from tenants.scoping import scope


def codes(branch):
    branch.refresh_from_db()
    return {gap.code for gap in readiness.gaps(branch, live=True)}


def make_real(system, branch):
    ProviderAccount.objects.create(
        company=branch.company,
        provider="retell",
        base_url=system.sandbox["retell"]["base_url"],
        api_key=system.sandbox["retell"]["api_key"],
        webhook_secret="any",
    )
    Branch.objects.update(retell_agent_id=AGENT_ID)


def test_a_branch_whose_ids_exist_is_ready(system, salon):
    with scope(salon.company_id):
        make_real(system, salon)

        assert codes(salon) == set()


def test_ids_that_no_provider_knows_are_gaps(system, salon):
    with scope(salon.company_id):
        make_real(system, salon)
        Branch.objects.update(
            retell_agent_id="agent_nobody", calcom_event_type_id=99999999
        )

        assert codes(salon) == {"retell_agent", "calcom_event_type"}


def test_a_service_of_another_length_is_a_gap(system, salon):
    with scope(salon.company_id):
        make_real(system, salon)
        Service.objects.update(duration_min=45)

        assert codes(salon) == {"calcom_length"}


def test_a_key_that_calcom_refuses_is_a_gap(system, salon):
    with scope(salon.company_id):
        make_real(system, salon)
        account = ProviderAccount.objects.get(company=salon.company, provider="calcom")
        account.api_key = "cal_wrong"
        account.save()

        assert "calcom_event_type" in codes(salon)


def test_an_event_type_of_one_person_is_looked_up_too(system, salon):
    with scope(salon.company_id):
        make_real(system, salon)
        StaffService.objects.update(calcom_event_type_id=99999998)

        assert codes(salon) == {"calcom_event_type"}
