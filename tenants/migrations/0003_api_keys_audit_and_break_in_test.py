import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import askpro.ids
from tenants import rls


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0002_wall"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="IsolationRun",
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
                ("started_at", models.DateTimeField(verbose_name="started at")),
                (
                    "duration_ms",
                    models.PositiveIntegerField(verbose_name="duration in ms"),
                ),
                ("tried", models.PositiveIntegerField(verbose_name="ways tried")),
                ("refused", models.PositiveIntegerField(verbose_name="ways refused")),
                ("ways", models.JSONField(default=list, verbose_name="ways")),
            ],
            options={
                "verbose_name": "break-in test",
                "verbose_name_plural": "break-in tests",
                "ordering": ("-started_at",),
            },
        ),
        migrations.AddField(
            model_name="provideraccount",
            name="secret_previous_used_at",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                null=True,
                verbose_name="previous webhook secret last used at",
            ),
        ),
        migrations.AddField(
            model_name="provideraccount",
            name="secret_used_at",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                null=True,
                verbose_name="webhook secret last used at",
            ),
        ),
        migrations.CreateModel(
            name="ApiKey",
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
                ("name", models.CharField(max_length=120, verbose_name="name")),
                (
                    "prefix",
                    models.CharField(
                        editable=False, max_length=40, verbose_name="prefix"
                    ),
                ),
                ("digest", models.BinaryField(max_length=32, unique=True)),
                ("scopes", models.JSONField(default=list, verbose_name="scopes")),
                (
                    "created_at",
                    models.DateTimeField(auto_now_add=True, verbose_name="created at"),
                ),
                (
                    "expires_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="Empty: never.",
                        null=True,
                        verbose_name="expires at",
                    ),
                ),
                (
                    "last_used_at",
                    models.DateTimeField(
                        blank=True,
                        editable=False,
                        null=True,
                        verbose_name="last used at",
                    ),
                ),
                (
                    "last_used_from",
                    models.GenericIPAddressField(
                        blank=True,
                        editable=False,
                        null=True,
                        verbose_name="last used from",
                    ),
                ),
                (
                    "revoked_at",
                    models.DateTimeField(
                        blank=True, editable=False, null=True, verbose_name="revoked at"
                    ),
                ),
                (
                    "branch",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        help_text="Empty: every branch of the company.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="api_keys",
                        to="tenants.branch",
                        verbose_name="branch",
                    ),
                ),
                (
                    "company",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.company",
                        verbose_name="company",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="created by",
                    ),
                ),
                (
                    "replaces",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="replaced_by",
                        to="tenants.apikey",
                        verbose_name="replaces",
                    ),
                ),
            ],
            options={
                "verbose_name": "API key",
                "verbose_name_plural": "API keys",
                "ordering": ("-created_at",),
            },
        ),
        migrations.CreateModel(
            name="AuditEntry",
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
                    "at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        verbose_name="at",
                    ),
                ),
                (
                    "actor",
                    models.CharField(
                        choices=[
                            ("person", "person"),
                            ("key", "API key"),
                            ("provider", "provider"),
                            ("system", "AskPro itself"),
                        ],
                        max_length=16,
                        verbose_name="who",
                    ),
                ),
                (
                    "actor_name",
                    models.CharField(blank=True, max_length=160, verbose_name="name"),
                ),
                (
                    "address",
                    models.GenericIPAddressField(null=True, verbose_name="address"),
                ),
                (
                    "correlation_id",
                    models.CharField(
                        blank=True, max_length=120, verbose_name="correlation id"
                    ),
                ),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("added", "added"),
                            ("changed", "changed"),
                            ("deleted", "deleted"),
                            ("signed_in", "signed in"),
                            ("sign_in_failed", "sign-in failed"),
                            ("signed_out", "signed out"),
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
                (
                    "subject",
                    models.CharField(blank=True, max_length=80, verbose_name="what"),
                ),
                (
                    "subject_id",
                    models.CharField(blank=True, max_length=80, verbose_name="id"),
                ),
                ("changes", models.JSONField(default=dict, verbose_name="changes")),
                (
                    "company",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.company",
                        verbose_name="company",
                    ),
                ),
            ],
            options={
                "verbose_name": "audit entry",
                "verbose_name_plural": "audit trail",
                "ordering": ("-at",),
                "indexes": [
                    models.Index(fields=["company", "-at"], name="audit_of_company"),
                    models.Index(
                        fields=["company", "subject", "subject_id"],
                        name="audit_of_subject",
                    ),
                    django.contrib.postgres.indexes.BrinIndex(
                        fields=["at"], name="audit_by_time"
                    ),
                ],
            },
        ),
        rls.Walled("ApiKey"),
        rls.Walled("AuditEntry"),
    ]
