from django.db import migrations, models

from tenants.audit_triggers import Audited, CreateAudit


class Migration(migrations.Migration):
    """Let the database write down who changes the set-up."""

    dependencies = [("tenants", "0003_api_keys_audit_and_break_in_test")]

    operations = [
        migrations.AlterField(
            model_name="auditentry",
            name="action",
            field=models.CharField(
                choices=[
                    ("added", "added"),
                    ("changed", "changed"),
                    ("deleted", "deleted"),
                    ("signed_in", "signed in"),
                    ("sign_in_failed", "sign-in failed"),
                    ("signed_out", "signed out"),
                    ("password", "password changed"),
                    ("second_factor", "second factor changed"),
                    ("key_used", "key used"),
                    ("exported", "exported"),
                    ("queried", "queried by SQL"),
                    ("read", "transcript or payload read"),
                ],
                max_length=16,
                verbose_name="action",
            ),
        ),
        CreateAudit(),
        Audited("Company", column="id"),
        Audited(
            "ProviderAccount",
            hidden=["api_key", "webhook_secret", "webhook_secret_previous"],
            quiet=["secret_used_at", "secret_previous_used_at"],
        ),
        Audited("Branch", hidden=["email"]),
        # A dialled number is the company's own, and published.
        Audited("PhoneNumber"),
        Audited("Service"),
        Audited("Staff", hidden=["name", "email"]),
        Audited("StaffService"),
        Audited("Membership"),
        Audited("ApiKey", hidden=["digest"], quiet=["last_used_at", "last_used_from"]),
    ]
