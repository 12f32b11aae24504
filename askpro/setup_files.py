"""A company's set-up as a file: read, checked, written all at once or not at all.

What the file leaves out stays as it is, so that a file may be applied again and
again. Each complaint names the place in the file and what to write there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import DataError, IntegrityError, models, transaction

from askpro.ids import uuid7
from askpro.setup_parts import (
    BadSetup,
    BranchPart,
    CalcomPart,
    CompanyPart,
    RetellPart,
    ServicePart,
    StaffPart,
    UserPart,
    place_of,
    read,
)
from bookings.models import Customer
from tenants.models import (
    Branch,
    Company,
    Membership,
    PhoneNumber,
    ProviderAccount,
    Service,
    Staff,
    StaffService,
)

__all__ = ["BadSetup", "apply", "read"]


def apply(data: Any) -> Counter[str]:
    """Write a set-up down; return what was created, changed or found as it is.

    Runs in a scope that may write every company it names.

    :raises BadSetup: nothing was changed.
    """
    setup = read(data)
    counts: Counter[str] = Counter()
    with transaction.atomic():
        writer = _Writer(counts)
        for position, part in enumerate(setup.companies):
            with writer.at("companies", position):
                writer.company(part)
    return counts


class _Writer:
    """Writes one company; counts what it did."""

    def __init__(self, counts: Counter[str]) -> None:
        self.counts = counts
        self.path: list[int | str] = []
        self.written: set[tuple[type, object]] = set()

    @contextmanager
    def at(self, *steps: int | str) -> Iterator[None]:
        """Stand deeper in the file; what the database refuses there says so.

        :raises BadSetup: the database refused.
        """
        self.path += steps
        try:
            yield
        except IntegrityError as error:
            raise self._bad("its id or name belongs to something else") from error
        except DataError as error:
            raise self._bad("a text or number is too long, shorten it") from error
        del self.path[-len(steps) :]

    def _bad(self, complaint: str) -> BadSetup:
        return BadSetup(f"{place_of(self.path)}: {complaint}")

    def company(self, part: CompanyPart) -> None:
        company = self._put(
            Company,
            {"slug": part.slug},
            {"name": part.name, "time_zone": part.timezone, "region": part.region},
        )
        self.owner = company
        self._accounts(part)
        for position, branch in enumerate(part.branches):
            with self.at("branches", position):
                self._branch(branch)
        for position, customer in enumerate(part.customers):
            with self.at("customers", position):
                self._put(
                    Customer,
                    {
                        "company": company,
                        "name": customer.name,
                        "phone": customer.phone,
                    },
                    {"email": customer.email},
                )
        for position, person in enumerate(part.users):
            with self.at("users", position):
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
        if part.id is not None and branch.pk != part.id:
            with self.at("id"):
                raise self._bad(f"the branch has the id {branch.pk}, leave this out")
        for position, number in enumerate(part.phone_numbers):
            with self.at("phone_numbers", position):
                self._number(number, branch)
        services: dict[str, Service] = {}
        for position, service in enumerate(part.services):
            with self.at("services", position):
                services[service.name] = self._service(service, branch)
        for position, person in enumerate(part.staff):
            with self.at("staff", position):
                self._person(person, branch, services)

    def _number(self, number: str, branch: Branch) -> None:
        taken = PhoneNumber.objects.filter(number=number).first()
        if taken is not None and taken.branch_id != branch.pk:
            raise self._bad(f"{number} belongs to another branch, take it away there")
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
        for position, name in enumerate(part.services):
            service = services.get(name) or branch.services.filter(name=name).first()
            with self.at("services", position):
                if service is None:
                    raise self._bad(f"{name!r} is no service of the branch, add it")
                self._put(
                    StaffService,
                    {"company": self.owner, "staff": person, "service": service},
                    {},
                )

    def _user(self, part: UserPart) -> None:
        users = get_user_model().objects
        user = users.filter(username__iexact=part.email).first()
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
        if row is not None and (model, row.pk) in self.written:
            raise self._bad("this stands in the file twice, keep one of them")
        if row is None:
            if "company" not in key and model is not Company:
                key = key | {"company": self.owner}
            self.counts["created"] += 1
            row = model.objects.create(id=new_id or uuid7(), **key, **values)
            self.written.add((model, row.pk))
            return row
        changed = [name for name, old in values.items() if getattr(row, name) != old]
        for name in changed:
            setattr(row, name, values[name])
        if changed:
            row.save(update_fields=changed)
        self.counts["changed" if changed else "unchanged"] += 1
        self.written.add((model, row.pk))
        return row
