from django.db import migrations, models

FIELDS = {
    "failed_never": "will never work",
    "failed_later": "may work later",
    "failed_person": "needs a person",
}


class Migration(migrations.Migration):
    dependencies = [
        ("webhooks", "0003_shares_reasons_pauses_polls_and_counts"),
    ]

    operations = [
        migrations.AddField(
            model_name="webhookcount",
            name=name,
            field=models.PositiveIntegerField(db_default=0, verbose_name=verbose_name),
        )
        for name, verbose_name in FIELDS.items()
    ]
