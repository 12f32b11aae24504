import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Keep fewer indexes for each delivery; the doors stay open meanwhile.

    Others begin with the same column, and nobody looks for the beginning of an id.
    """

    atomic = False
    dependencies = [
        ("tenants", "0004_audit_triggers"),
        ("webhooks", "0006_pauses_say_who_ended_them"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="webhooklog",
            index=models.Index(fields=["correlation_id"], name="delivery_of_story"),
        ),
        migrations.AlterField(
            model_name="webhooklog",
            name="correlation_id",
            field=models.CharField(
                blank=True, max_length=120, verbose_name="correlation id"
            ),
        ),
        migrations.AlterField(
            model_name="webhooklog",
            name="account",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="tenants.provideraccount",
                verbose_name="account",
            ),
        ),
        migrations.AlterField(
            model_name="webhooklog",
            name="company",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="tenants.company",
                verbose_name="company",
            ),
        ),
    ]
