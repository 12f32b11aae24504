from django.db import migrations


class Migration(migrations.Migration):
    """Two rows of one resource never overlap, whoever writes them."""

    dependencies = [("bookings", "0001_initial")]

    operations = [
        migrations.RunSQL(
            # A range over uuid compares resources inside the one GiST index that
            # the constraint needs: no extension.
            "CREATE TYPE uuidrange AS RANGE (subtype = uuid)",
            "DROP TYPE uuidrange",
        ),
        migrations.RunSQL(
            "ALTER TABLE bookings_occupancy ADD CONSTRAINT occupancy_no_overlap"
            " EXCLUDE USING gist (uuidrange(resource, resource, '[]') WITH &&,"
            " lanes WITH &&, during WITH &&)",
            "ALTER TABLE bookings_occupancy DROP CONSTRAINT occupancy_no_overlap",
        ),
    ]
