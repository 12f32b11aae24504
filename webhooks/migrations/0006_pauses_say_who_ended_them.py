from django.db import migrations, models

from tenants.audit_triggers import Audited


class Migration(migrations.Migration):
    """Say who ended a pause and why, in the row and in the audit trail."""

    dependencies = [
        ("tenants", "0004_audit_triggers"),
        ("webhooks", "0005_deliveries_by_period"),
    ]

    operations = [
        migrations.AddField(
            model_name="webhookpause",
            name="resumed_by",
            field=models.CharField(
                blank=True,
                db_default="",
                editable=False,
                max_length=160,
                verbose_name="resumed by",
            ),
        ),
        migrations.AddField(
            model_name="webhookpause",
            name="resumed_why",
            field=models.CharField(
                blank=True,
                db_default="",
                editable=False,
                max_length=300,
                verbose_name="why resumed",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookpause",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("provider", ""),
                    models.Q(("account__isnull", True), ("company__isnull", True)),
                    _connector="OR",
                ),
                name="a_provider_is_paused_alone",
                violation_error_message="A provider is paused for everybody: leave"
                " company and account empty.",
            ),
        ),
        # The entry names the actor itself.
        Audited("WebhookPause", quiet=["paused_by", "resumed_by"]),
    ]
