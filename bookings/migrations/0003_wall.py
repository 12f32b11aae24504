from django.db import migrations

from tenants import rls


class Migration(migrations.Migration):
    """Put every table of this app behind the wall."""

    dependencies = [
        ("bookings", "0002_occupancy_excludes_overlap"),
        ("tenants", "0002_wall"),
    ]

    operations = [
        rls.Walled("Customer"),
        rls.Walled("Call"),
        rls.Walled("Offer"),
        rls.Walled("Appointment"),
        rls.Walled("Occupancy"),
        rls.Walled("AppointmentChange"),
        rls.Walled("Callback"),
        rls.Walled("Notification"),
    ]
