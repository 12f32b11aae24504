import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import askpro.ids
from tenants import rls


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0003_api_keys_audit_and_break_in_test"),
        ("webhooks", "0002_wall"),
    ]

    operations = [
        migrations.CreateModel(
            name="ProviderPoll",
            fields=[
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="tenants.provideraccount",
                        verbose_name="account",
                    ),
                ),
                ("polled_until", models.DateTimeField(verbose_name="known until")),
                ("asked_at", models.DateTimeField(verbose_name="asked at")),
                (
                    "found_at",
                    models.DateTimeField(null=True, verbose_name="found something at"),
                ),
                (
                    "last_error",
                    models.CharField(
                        blank=True, max_length=300, verbose_name="last error"
                    ),
                ),
            ],
            options={
                "verbose_name": "poll of a provider",
                "verbose_name_plural": "polls of providers",
            },
        ),
        migrations.CreateModel(
            name="WebhookCount",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=askpro.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("event", models.CharField(max_length=64, verbose_name="event")),
                ("at", models.DateTimeField(verbose_name="minute")),
                (
                    "received",
                    models.PositiveIntegerField(default=0, verbose_name="received"),
                ),
                (
                    "duplicates",
                    models.PositiveIntegerField(default=0, verbose_name="duplicates"),
                ),
                (
                    "processed",
                    models.PositiveIntegerField(default=0, verbose_name="processed"),
                ),
                (
                    "failed",
                    models.PositiveIntegerField(default=0, verbose_name="failed"),
                ),
                (
                    "acknowledged",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.PositiveIntegerField(),
                        size=None,
                        verbose_name="acknowledged within",
                    ),
                ),
            ],
            options={
                "verbose_name": "count of deliveries",
                "verbose_name_plural": "counts of deliveries",
            },
        ),
        migrations.CreateModel(
            name="WebhookPause",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=askpro.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "provider",
                    models.CharField(
                        blank=True, max_length=16, verbose_name="provider"
                    ),
                ),
                ("why", models.CharField(max_length=300, verbose_name="why")),
                (
                    "paused_by",
                    models.CharField(
                        blank=True, max_length=160, verbose_name="paused by"
                    ),
                ),
                (
                    "paused_at",
                    models.DateTimeField(auto_now_add=True, verbose_name="paused at"),
                ),
                (
                    "resumed_at",
                    models.DateTimeField(
                        editable=False, null=True, verbose_name="resumed at"
                    ),
                ),
            ],
            options={
                "verbose_name": "pause of deliveries",
                "verbose_name_plural": "pauses of deliveries",
            },
        ),
        migrations.AddField(
            model_name="webhookbody",
            name="headers",
            field=models.JSONField(db_default={}, verbose_name="headers"),
        ),
        migrations.AddField(
            model_name="webhooklog",
            name="address",
            field=models.GenericIPAddressField(null=True, verbose_name="address"),
        ),
        migrations.AddField(
            model_name="webhooklog",
            name="reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("never", "will never work"),
                    ("later", "may work later"),
                    ("person", "needs a person"),
                ],
                db_default="",
                max_length=16,
                verbose_name="reason",
            ),
        ),
        migrations.AddField(
            model_name="webhooklog",
            name="share",
            field=models.CharField(
                blank=True, db_default="", max_length=40, verbose_name="share"
            ),
        ),
        migrations.AddField(
            model_name="webhooklog",
            name="source",
            field=models.CharField(
                choices=[("webhook", "webhook"), ("poll", "asked for")],
                db_default="webhook",
                max_length=16,
                verbose_name="source",
            ),
        ),
        migrations.AddIndex(
            model_name="webhooklog",
            index=models.Index(
                condition=models.Q(
                    ("state__in", ["received", "processing", "retrying"])
                ),
                fields=["share", "next_try_at"],
                name="delivery_due_of_share",
            ),
        ),
        migrations.AddIndex(
            model_name="webhooklog",
            index=models.Index(
                condition=models.Q(("state", "processing")),
                fields=["account", "call_id"],
                name="delivery_in_progress",
            ),
        ),
        migrations.AddField(
            model_name="providerpoll",
            name="company",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="tenants.company",
                verbose_name="company",
            ),
        ),
        migrations.AddField(
            model_name="webhookcount",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="tenants.provideraccount",
                verbose_name="account",
            ),
        ),
        migrations.AddField(
            model_name="webhookcount",
            name="company",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="tenants.company",
                verbose_name="company",
            ),
        ),
        migrations.AddField(
            model_name="webhookpause",
            name="account",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="tenants.provideraccount",
                verbose_name="account",
            ),
        ),
        migrations.AddField(
            model_name="webhookpause",
            name="company",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="tenants.company",
                verbose_name="company",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookcount",
            index=models.Index(fields=["company", "-at"], name="count_by_time"),
        ),
        migrations.AddConstraint(
            model_name="webhookcount",
            constraint=models.UniqueConstraint(
                fields=("account", "event", "at"), name="count_once_per_minute"
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookpause",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("provider", ""), _negated=True),
                    ("account__isnull", False),
                    ("company__isnull", False),
                    _connector="OR",
                ),
                name="a_pause_names_what_waits",
            ),
        ),
        rls.Walled("WebhookPause"),
        rls.Walled("ProviderPoll"),
        rls.Walled("WebhookCount"),
    ]
