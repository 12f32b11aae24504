import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Find a period's deliveries and the failed ones; the doors stay open meanwhile."""

    atomic = False
    dependencies = [
        ("webhooks", "0004_counts_by_reason"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="webhooklog",
            index=models.Index(
                condition=models.Q(("state__in", ["dead", "unresolved"])),
                fields=["state", "received_at"],
                name="delivery_failed",
            ),
        ),
        AddIndexConcurrently(
            model_name="webhooklog",
            index=django.contrib.postgres.indexes.BrinIndex(
                fields=["received_at"], name="delivery_of_period"
            ),
        ),
    ]
