"""The admin as its people meet it: operators, owners, staff, and who has no role."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tenants.scoping import every_company
from tests import factories as make
from webhooks.models import WebhookLog

pytestmark = pytest.mark.django_db

LOGS = {
    "tenants.AuditEntry",
    "webhooks.WebhookLog",
    "webhooks.WebhookAttempt",
    "webhooks.WebhookCount",
    "webhooks.ProviderPoll",
    "tenants.IsolationRun",
    "integrations.ToolCall",
    "integrations.ProviderRequest",
    "bookings.AppointmentChange",
    "bookings.Appointment",
    "bookings.Call",
    "bookings.Offer",
    "bookings.Occupancy",
    "bookings.Notification",
}
OPERATORS_ONLY = {"auth", "django_celery_beat"}


def everything(company, secret="s3cret-never-shown"):
    """Make a row of every model."""
    retell = make.make_account(company=company, provider="retell")
    make.make_account(
        company=company,
        api_key=secret,
        webhook_secret=secret,
        webhook_secret_previous=secret,
    )
    branch = make.make_branch(company=company)
    make.make_number(branch=branch)
    make.make_key(company=company, branch=branch)
    service = make.make_service(branch=branch)
    make.make_staff(branch=branch, services=[service])
    call = make.make_call(branch=branch, account=retell)
    appointment = make.make_appointment(branch=branch, service=service, call=call)
    make.make_offer(call=call, service=service)
    make.make_occupancy(appointment=appointment)
    make.make_change(appointment=appointment, call=call)
    make.make_callback(branch=branch, call=call)
    make.make_notification(appointment=appointment)
    make.make_tool_call(company=company, call_row_id=call.pk)
    make.make_provider_request(company=company, account=retell)
    make.make_delivery(account=retell, company=company)
    make.make_pause(company=company)
    make.make_poll(account=retell)
    make.make_count(account=retell)
    make.make_isolation_run()
    return branch


def pages():
    return sorted(
        admin.site._registry, key=lambda model: (model._meta.label, model.__name__)
    )


OWN_PAGES = [model for model in pages() if model._meta.app_label not in OPERATORS_ONLY]


def url(model, page, *arguments):
    options = model._meta
    return reverse(
        f"admin:{options.app_label}_{options.model_name}_{page}", args=arguments
    )


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def company():
    return make.make_company("salon")


@pytest.fixture
def operator():
    return signed_in(make.make_operator())


@pytest.fixture
def owner(company):
    return signed_in(make.make_member(company=company))


def rows_of(model):
    with every_company():
        return list(model._default_manager.all())


def test_every_model_has_a_page():
    from django.apps import apps

    ours = {"tenants", "bookings", "integrations", "webhooks"}
    without = {
        model._meta.label
        for model in apps.get_models()
        if model._meta.app_label in ours
    } - {model._meta.label for model in admin.site._registry}

    assert without == {"webhooks.WebhookBody", "integrations.SqlTicket"}


def test_operators_open_every_page(company, operator):
    everything(company)
    make.make_member(company=company)

    assert operator.get(reverse("admin:index")).status_code == 200
    for model in pages():
        assert operator.get(url(model, "changelist")).status_code == 200, model
        assert operator.get(url(model, "changelist") + "?q=a").status_code == 200, model
        has_add = model._meta.label not in LOGS
        added = operator.get(url(model, "add"))
        assert added.status_code == (200 if has_add else 403), model
        for row in rows_of(model)[:1]:
            assert operator.get(url(model, "change", row.pk)).status_code == 200, model


def test_an_owner_opens_every_page_of_her_company(company, owner):
    everything(company)

    assert owner.get(reverse("admin:index")).status_code == 200
    for model in OWN_PAGES:
        label = model._meta.label
        assert owner.get(url(model, "changelist")).status_code == 200, model
        has_add = label not in LOGS | {"tenants.Company"}
        added = owner.get(url(model, "add"))
        assert added.status_code == (200 if has_add else 403), model
        rows = rows_of(model)
        assert rows, model
        assert owner.get(url(model, "change", rows[0].pk)).status_code == 200, model


def test_the_platforms_pages_are_the_operators(company, owner):
    for model in pages():
        if model._meta.app_label in OPERATORS_ONLY:
            assert owner.get(url(model, "changelist")).status_code == 403, model


def test_rows_of_another_company_are_not_there(owner):
    other = make.make_company("fremd")
    everything(other)

    for model in OWN_PAGES:
        for row in rows_of(model):
            if getattr(row, "company_id", row.pk) != other.pk:
                continue
            listed = owner.get(url(model, "changelist")).content.decode()
            assert str(row.pk) not in listed, model
            for page in ("change", "delete"):
                got = owner.get(url(model, page, row.pk))
                assert got.status_code == 404, (model, page)


def test_the_platforms_accounts_are_shown_to_no_company(company, owner, operator):
    account = make.make_account(company=None, base_url="https://platform.example")
    page = url(type(account), "changelist")

    assert "platform.example" not in owner.get(page).content.decode()
    assert owner.get(url(type(account), "change", account.pk)).status_code == 404
    assert "platform.example" in operator.get(page).content.decode()


def test_no_page_shows_a_secret(company, operator, owner):
    everything(company)
    desk = signed_in(make.make_member(company=company, role="desk"))
    from tenants.models import ProviderAccount

    for client in (operator, owner, desk):
        for row in rows_of(ProviderAccount):
            for page in (
                url(ProviderAccount, "changelist"),
                url(ProviderAccount, "change", row.pk),
            ):
                got = client.get(page)
                assert got.status_code == 200
                assert "s3cret-never-shown" not in got.content.decode()


def test_logs_refuse_changes(company, operator, owner):
    everything(company)

    for client in (operator, owner):
        for model in pages():
            if model._meta.label not in LOGS:
                continue
            row = rows_of(model)[0]
            for page in ("change", "delete"):
                got = client.post(url(model, page, row.pk), {"post": "yes"})
                assert got.status_code == 403, (model, page)
            assert client.post(url(model, "add"), {}).status_code == 403
            assert rows_of(model)


@pytest.mark.parametrize("role", ["staff", "read_only"])
def test_staff_look_and_change_nothing(company, role):
    branch = everything(company)
    client = signed_in(make.make_member(company=company, role=role))

    page = url(type(branch), "change", branch.pk)
    assert client.get(page).status_code == 200
    assert client.post(page, {"name": "Anders"}).status_code == 403
    assert client.get(url(type(branch), "add")).status_code == 403
    assert client.get(url(type(branch), "delete", branch.pk)).status_code == 403


def test_without_a_role_nobody_gets_in():
    from django.contrib.auth import get_user_model

    stranger = get_user_model().objects.create_user("stranger", is_staff=True)
    client = signed_in(stranger)

    got = client.get(reverse("admin:index"), follow=True)

    # Another try to sign in would lead back here again.
    assert got.status_code == 403


def test_a_delivery_is_processed_again(company, operator, owner):
    account = make.make_account(company=company, provider="retell")
    logs = [
        make.make_delivery(account=account, company=company, state="dead"),
        make.make_delivery(account=account, company=company, state="processing"),
    ]
    post = {"action": "process_again", "_selected_action": [log.pk for log in logs]}

    got = owner.post(url(WebhookLog, "changelist"), post, follow=True)

    assert got.status_code == 200
    states = {log.pk: log.state for log in rows_of(WebhookLog)}
    assert [states[log.pk] for log in logs] == ["retrying", "processing"]


def test_staff_may_not_process_again(company):
    account = make.make_account(company=company, provider="retell")
    log = make.make_delivery(account=account, company=company, state="dead")
    client = signed_in(make.make_member(company=company, role="staff"))
    post = {"action": "process_again", "_selected_action": [log.pk]}

    client.post(url(WebhookLog, "changelist"), post)

    assert rows_of(WebhookLog)[0].state == "dead"


def test_a_delivery_shows_its_body_escaped(company, owner):
    account = make.make_account(company=company, provider="retell")
    body = {"event": "call_ended", "say": "<script>alert(1)</script>"}
    log = make.make_delivery(account=account, company=company, body=body)

    page = owner.get(url(WebhookLog, "change", log.pk)).content.decode()

    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page


def test_djangos_own_log_stays_empty(company, operator):
    from tenants.models import Company

    got = operator.post(
        url(Company, "add"),
        {
            "name": "Neu",
            "slug": "neu",
            "time_zone": "Europe/Berlin",
            "language": "de",
            "retention_days": 30,
            "cancellation_notice_min": 0,
        },
    )

    assert got.status_code == 302, got.context["adminform"].form.errors
    assert not LogEntry.objects.exists()
    # What happened stands in the audit trail instead.
    with every_company():
        company = Company.objects.get(slug="neu")
    history = operator.get(url(Company, "history", company.pk))
    assert "Neu" in history.content.decode()


@pytest.mark.parametrize("model", OWN_PAGES, ids=lambda model: model.__name__)
def test_a_list_asks_no_query_per_row(model, operator):
    everything(make.make_company())
    with CaptureQueriesContext(
        connection,
    ) as few:
        operator.get(url(model, "changelist"))
    for _ in range(3):
        everything(make.make_company())
    with CaptureQueriesContext(connection) as many:
        operator.get(url(model, "changelist"))

    assert len(many) <= len(few), [query["sql"] for query in many.captured_queries]


def test_an_operator_makes_a_person(operator):
    from django.contrib.auth import get_user_model

    form = {
        "username": "neu",
        "usable_password": "true",
        "password1": "ein langes Kennwort",
        "password2": "ein langes Kennwort",
    }

    got = operator.post(reverse("admin:auth_user_add"), form)

    assert got.status_code == 302, got.context["adminform"].form.errors
    assert get_user_model().objects.filter(username="neu").exists()
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("role", ["owner", "desk", "staff", "read_only"])
def test_whatever_the_role_the_first_page_opens(company, role):
    everything(company)
    client = signed_in(make.make_member(company=company, role=role))

    assert client.get(reverse("admin:index")).status_code == 200


def test_who_left_the_company_gets_in_no_more(company):
    from tenants.models import Membership

    user = make.make_member(company=company)
    client = signed_in(user)
    assert client.get(reverse("admin:index")).status_code == 200
    with every_company():
        Membership.objects.all().delete()

    assert client.get(reverse("admin:index")).status_code == 302
