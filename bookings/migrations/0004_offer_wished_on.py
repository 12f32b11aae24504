from django.db import migrations, models


class Migration(migrations.Migration):
    """Keep the day that an offer answered."""

    dependencies = [("bookings", "0003_wall")]

    operations = [
        migrations.AddField(
            model_name="offer",
            name="wished_on",
            field=models.DateField(null=True, verbose_name="asked for"),
        ),
    ]
