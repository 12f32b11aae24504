from django.db import migrations

from tenants import rls


class Migration(migrations.Migration):
    """Put every table of this app behind the wall."""

    dependencies = [("tenants", "0001_initial")]

    operations = [
        rls.CreateRoles(),
        rls.Walled("Company", column="id"),
        rls.Walled("ProviderAccount", shares_null=True),
        rls.Walled("Branch"),
        rls.Walled("PhoneNumber"),
        rls.Walled("Service"),
        rls.Walled("Staff"),
        rls.Walled("StaffService"),
        rls.Walled("Membership"),
    ]
