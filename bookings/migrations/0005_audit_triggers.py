from django.db import migrations

from tenants.audit_triggers import Audited


class Migration(migrations.Migration):
    """Let the database write down who changes what is agreed on."""

    dependencies = [
        ("bookings", "0004_offer_wished_on"),
        ("tenants", "0004_audit_triggers"),
    ]

    operations = [
        Audited("Customer", hidden=["name", "phone", "email", "notes"]),
        Audited(
            "Appointment",
            hidden=["wish_name", "intent_reason", "idempotency_key"],
            quiet=[
                "intent_state",
                "leased_until",
                "attempts",
                "lookups",
                "next_try_at",
                "answer_by_at",
                "last_error",
            ],
        ),
        Audited("Callback", hidden=["name", "phone", "reason"]),
    ]
