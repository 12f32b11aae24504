"""What the sandbox starts with, and how it is set back.

The keys are made once for each installation. A running server remembers its own, so
that they stay good when somebody empties the tables.
"""

from __future__ import annotations

import secrets
import threading
from typing import Any

from django.db import connection, transaction

from integrations.sandbox import calcom_event_types, retell, retell_state
from integrations.sandbox.exchange import Json
from integrations.sandbox.models import (
    CalcomApiKey,
    CalcomEventType,
    CalcomReservation,
    CalcomSchedule,
    CalcomSlotAnswer,
    CalcomUser,
    CalcomWebhook,
    Delivery,
    Fault,
    Installation,
    ReceivedRequest,
    RetellRecord,
)

EVENT_TYPE_ID = 2026361
EMAIL_EVENT_TYPE_ID = 2026362
WORKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
HOURS = [{"days": WORKDAYS, "startTime": "09:00", "endTime": "19:00"}]
ADDRESS = "Musterstraße 1, 10115 Berlin"
_SEEDED = (
    (EVENT_TYPE_ID, "Beratung 30 Min", "beratung-30", 30, True),
    (EMAIL_EVENT_TYPE_ID, "Beratung mit E-Mail", "beratung-email", 30, False),
    (2026363, "Haarschnitt", "haarschnitt", 45, True),
    (2026364, "Färben", "faerben", 90, True),
)
_LOCK = 20_263_610
_remembered: dict[str, Any] = {}
_guard = threading.Lock()


def current() -> Installation:
    """Return the installation's row, made where it is absent."""
    found = Installation.objects.first()
    return found if found is not None else ensure()


def owns(token: str) -> bool:
    """Tell whether a key is the one that this server was started with."""
    return bool(token) and token == _remembered.get("calcom_api_key")


def ensure() -> Installation:
    """Make what is absent: keys, account, hours, event types; touch nothing else."""
    with _guard, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        made = Installation.objects.first()
        if made is None:
            made = Installation.objects.create(
                calcom_api_key=_remembered.get("calcom_api_key")
                or f"cal_sandbox_{secrets.token_hex(16)}",
                calcom_webhook_secret=_remembered.get("calcom_webhook_secret")
                or secrets.token_hex(16),
            )
        if not CalcomApiKey.objects.filter(key=made.calcom_api_key).exists():
            _seed(made)
        workspace = _remembered.get("workspace")
        if workspace:
            RetellRecord.objects.get_or_create(
                kind=RetellRecord.Kind.WORKSPACE,
                identifier=workspace["org_id"],
                defaults={"body": workspace},
            )
        return made


def remember() -> Installation:
    """Make what is absent and keep the keys for the life of this process."""
    made = ensure()
    _remembered["calcom_api_key"] = made.calcom_api_key
    _remembered["calcom_webhook_secret"] = made.calcom_webhook_secret
    _remembered["workspace"] = retell_state.workspace()
    return made


def reset() -> Installation:
    """Forget all but the keys, and start again."""
    with transaction.atomic():
        for model in (
            CalcomSlotAnswer,
            CalcomReservation,
            CalcomWebhook,
            CalcomUser,
            CalcomApiKey,
            Delivery,
            Fault,
            ReceivedRequest,
        ):
            model.objects.all().delete()
        for kept in Installation.objects.all():
            Installation(
                pk=kept.pk,
                calcom_api_key=kept.calcom_api_key,
                calcom_webhook_secret=kept.calcom_webhook_secret,
            ).save(force_update=True)
        RetellRecord.objects.exclude(kind=RetellRecord.Kind.WORKSPACE).delete()
    made = ensure()
    retell_state.seed()
    return made


def connection_of(base_url: str) -> Json:
    """Return what clients need: addresses and keys of both providers."""
    made = current()
    return {
        "calcom": {
            "base_url": f"{base_url}/calcom",
            "api_key": made.calcom_api_key,
            "event_type_id": EVENT_TYPE_ID,
        },
        "retell": retell.connection(base_url),
    }


def _seed(made: Installation) -> None:
    owner, _ = CalcomUser.objects.get_or_create(
        username="askpro-berlin",
        defaults={"email": "erika@salon.example", "name": "Erika Beispiel"},
    )
    CalcomApiKey.objects.create(key=made.calcom_api_key, user=owner)
    CalcomSchedule.objects.create(
        owner=owner,
        name="Öffnungszeiten",
        time_zone="Europe/Berlin",
        availability=HOURS,
        is_default=True,
    )
    for number, title, slug, length, is_phone_only in _SEEDED:
        CalcomEventType.objects.create(
            id=number,
            owner=owner,
            title=title,
            slug=slug,
            length_min=length,
            settings={
                "locations": [{"type": "address", "address": ADDRESS, "public": True}],
                "minimumBookingNotice": 0,
            },
            booking_fields=(
                calcom_event_types.phone_only_fields()
                if is_phone_only
                else calcom_event_types.default_fields()
            ),
        )
