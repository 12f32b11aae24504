import uuid

import django.db.models.deletion
from django.db import migrations, models

from tenants import rls


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0002_wall"),
        ("tenants", "0004_audit_triggers"),
    ]

    operations = [
        migrations.CreateModel(
            name="SqlTicket",
            fields=[
                (
                    "token",
                    models.UUIDField(
                        default=uuid.uuid4,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("pid", models.PositiveIntegerField()),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "company",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="tenants.company",
                    ),
                ),
            ],
            options={
                "db_table": "sql_ticket",
            },
        ),
        rls.Walled("SqlTicket"),
    ]
