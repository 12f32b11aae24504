from django.db import migrations

from tenants import rls


class Migration(migrations.Migration):
    """Put every table of this app behind the wall."""

    dependencies = [("webhooks", "0001_initial"), ("tenants", "0002_wall")]

    operations = [
        rls.Walled("WebhookLog"),
        rls.Walled("WebhookBody"),
        rls.Walled("WebhookAttempt"),
    ]
