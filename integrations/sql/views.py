"""What can be read by SQL: stable names of views and columns, and what they mean.

No secret, no raw body, no transcript and no spoken answer is in them: what was said is
read call by call, and each reading is recorded. Rehearsals are left out: no figure
counts them. Meanings are English here, and German on the page.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext_noop as _

SCHEMA = "reading"


@dataclass(frozen=True)
class Column:
    """A column: where it comes from, and what it says."""

    name: str
    source: str
    meaning: str


@dataclass(frozen=True)
class View:
    """A view: its columns and what it reads. ``tables`` need a policy for its owner."""

    name: str
    meaning: str
    tables: tuple[str, ...]
    source: str  # what follows FROM
    columns: tuple[Column, ...]

    @property
    def statement(self) -> str:
        """The SELECT of the view."""
        columns = ", ".join(f"{one.source} AS {one.name}" for one in self.columns)
        return f"SELECT {columns} FROM {self.source}"  # noqa: S608 (own text)


def _columns(*given: tuple[str, str]) -> tuple[Column, ...]:
    """Read ``name = source``, or a ``source`` that is named as its column."""
    columns = []
    for left, meaning in given:
        name, __, source = left.rpartition(" = ")
        columns.append(Column(name or source.split(".")[-1], source, meaning))
    return tuple(columns)


_VIEWS = (
    View(
        "branches",
        _("shops that answer a telephone number"),
        ("tenants_branch",),
        "tenants_branch b",
        _columns(
            ("b.id", _("id")),
            ("b.slug", _("short name")),
            ("b.name", _("name")),
            ("b.address", _("address")),
            ("b.time_zone", _("time zone; empty: the company's")),
            ("b.calcom_event_type_id", _("Cal.com event type id")),
            ("b.retell_agent_id", _("Retell agent id")),
            ("b.is_active", _("whether it takes calls")),
        ),
    ),
    View(
        "phone_numbers",
        _("numbers that callers dial"),
        ("tenants_phonenumber", "tenants_branch"),
        "tenants_phonenumber n JOIN tenants_branch b ON b.id = n.branch_id",
        _columns(
            ("n.number", _("E.164")),
            ("branch = b.name", _("branch")),
            ("n.branch_id", _("branch's id")),
            ("n.is_active", _("whether it is answered")),
        ),
    ),
    View(
        "services",
        _("what can be booked"),
        ("tenants_service", "tenants_branch"),
        "tenants_service s JOIN tenants_branch b ON b.id = s.branch_id",
        _columns(
            ("s.id", _("id")),
            ("s.name", _("name")),
            ("branch = b.name", _("branch")),
            ("s.branch_id", _("branch's id")),
            ("s.duration_min", _("duration in minutes")),
            ("s.price_eur", _("price in €")),
            ("s.capacity", _("places")),
            ("s.calcom_event_type_id", _("Cal.com event type id; null: the branch's")),
            ("s.is_active", _("whether it is offered")),
        ),
    ),
    View(
        "staff",
        _("people whose time is booked"),
        ("tenants_staff", "tenants_branch"),
        "tenants_staff s JOIN tenants_branch b ON b.id = s.branch_id",
        _columns(
            ("s.id", _("id")),
            ("s.name", _("name")),
            ("branch = b.name", _("branch")),
            ("s.branch_id", _("branch's id")),
            ("s.is_active", _("whether time can be booked")),
        ),
    ),
    View(
        "customers",
        _("who has appointments"),
        ("bookings_customer",),
        "bookings_customer c",
        _columns(
            ("c.id", _("id")),
            ("c.name", _("name")),
            ("c.phone", _("E.164; null: unknown")),
            ("c.email", _("e-mail; null: unknown")),
            ("c.notes", _("notes of the staff")),
            ("c.created_at", _("since when we know them")),
        ),
    ),
    View(
        "calls",
        _("telephone calls"),
        ("bookings_call", "tenants_branch", "bookings_customer"),
        "bookings_call c JOIN tenants_branch b ON b.id = c.branch_id"
        " LEFT JOIN bookings_customer k ON k.id = c.customer_id"
        " WHERE NOT c.is_rehearsal",
        _columns(
            ("c.id", _("id")),
            ("c.call_id", _("Retell's id")),
            ("c.correlation_id", _("joins every record of the call")),
            ("branch = b.name", _("branch")),
            ("c.branch_id", _("branch's id")),
            ("c.direction", _("inbound or outbound")),
            ("c.from_number", _("caller, E.164; empty: withheld")),
            ("c.to_number", _("dialled number, E.164")),
            ("c.status", _("ringing, started, lost, ended, analyzed")),
            ("c.outcome", _("empty, booked, moved, cancelled, pending, callback")),
            ("c.customer_id", _("customer's id")),
            ("customer_name = k.name", _("customer")),
            ("c.rang_at", _("first ring")),
            ("c.started_at", _("answered")),
            ("ended_at = greatest(c.ended_at, c.started_at)", _("ended")),
            ("c.disconnection_reason", _("why it ended, in Retell's words")),
            ("c.summary", _("Retell's summary, while it is kept")),
        ),
    ),
    View(
        "appointments",
        _("visits, from the wish to the end"),
        (
            "bookings_appointment",
            "tenants_branch",
            "tenants_service",
            "tenants_staff",
            "bookings_customer",
        ),
        "bookings_appointment a JOIN tenants_branch b ON b.id = a.branch_id"
        " LEFT JOIN tenants_service s ON s.id = a.service_id"
        " LEFT JOIN tenants_staff p ON p.id = a.staff_id"
        " LEFT JOIN bookings_customer k ON k.id = a.customer_id"
        " WHERE NOT a.is_rehearsal",
        _columns(
            ("a.id", _("id")),
            ("a.state", _("requested, booking, unknown, booked, declined, cancelled")),
            ("a.starts_at", _("start")),
            ("a.ends_at", _("end")),
            ("branch = b.name", _("branch")),
            ("a.branch_id", _("branch's id")),
            ("service = s.name", _("service")),
            ("a.service_id", _("service's id")),
            ("staff = p.name", _("staff member")),
            ("a.staff_id", _("staff member's id")),
            ("a.customer_id", _("customer's id")),
            ("customer_name = k.name", _("customer")),
            ("customer_phone = k.phone", _("E.164; null: unknown")),
            ("customer_email = k.email", _("null: unknown")),
            ("a.call_id", _("id of the call that brought it")),
            ("a.intent", _("what is under way: book, move, cancel; null: nothing")),
            ("a.wished_starts_at", _("where a move is under way: to when")),
            ("a.calcom_uid", _("Cal.com's uid")),
            ("a.created_at", _("when it was wished")),
        ),
    ),
    View(
        "appointment_changes",
        _("who or what changed an appointment"),
        ("bookings_appointmentchange",),
        "bookings_appointmentchange c",
        _columns(
            ("c.id", _("id")),
            ("c.appointment_id", _("appointment's id")),
            ("c.at", _("when")),
            ("c.actor", _("who or what")),
            ("c.what", _("book, move, cancel, confirm")),
            ("c.why", _("why")),
            ("c.correlation_id", _("of the call")),
        ),
    ),
    View(
        "offers",
        _("times that were spoken to callers"),
        ("bookings_offer", "bookings_call", "tenants_service", "tenants_staff"),
        "bookings_offer o JOIN bookings_call c ON c.id = o.call_id"
        " LEFT JOIN tenants_service s ON s.id = o.service_id"
        " LEFT JOIN tenants_staff p ON p.id = o.staff_id WHERE NOT c.is_rehearsal",
        _columns(
            ("o.id", _("id")),
            ("o.call_id", _("call's id")),
            ("service = s.name", _("service")),
            ("staff = p.name", _("staff member")),
            ("o.starts_at", _("the time offered")),
            ("o.offered_at", _("when it was spoken")),
            ("o.accepted_at", _("when it was accepted; null: it was not")),
        ),
    ),
    View(
        "callbacks",
        _("what a person must do"),
        ("bookings_callback", "tenants_branch"),
        "bookings_callback c JOIN tenants_branch b ON b.id = c.branch_id",
        _columns(
            ("c.id", _("id")),
            ("c.kind", _("what for")),
            ("c.state", _("open or done")),
            ("branch = b.name", _("branch")),
            ("c.name", _("who asked")),
            ("c.phone", _("where to call, E.164")),
            ("c.reason", _("why")),
            ("c.due_at", _("by when")),
            ("c.created_at", _("since when")),
            ("c.done_at", _("when it was done")),
            ("c.call_id", _("call's id")),
        ),
    ),
    View(
        "notifications",
        _("messages to customers"),
        ("bookings_notification",),
        "bookings_notification n",
        _columns(
            ("n.id", _("id")),
            ("n.appointment_id", _("appointment's id")),
            ("n.kind", _("booked, moved, cancelled")),
            ("n.channel", _("for example email")),
            ("n.state", _("state")),
            ("n.due_at", _("when it is due")),
            ("n.sent_at", _("when it was sent")),
            ("n.attempts", _("tries")),
        ),
    ),
    View(
        "webhook_logs",
        _("deliveries of the providers"),
        ("webhooks_webhooklog",),
        "webhooks_webhooklog w",
        _columns(
            ("w.id", _("id")),
            ("w.provider", _("retell, calcom")),
            ("w.event", _("event")),
            ("w.call_id", _("Retell's call id")),
            ("w.correlation_id", _("joins every record of the call")),
            (
                "w.state",
                _("received, processing, done, ignored, unresolved, retrying, dead"),
            ),
            ("w.reason", _("never, later, person: what can help")),
            ("w.source", _("webhook, or poll: asked for")),
            ("w.received_at", _("when it came")),
            ("w.finished_at", _("when it was settled")),
            ("w.attempts", _("tries")),
            ("w.last_error", _("what went wrong last")),
        ),
    ),
    View(
        "webhook_attempts",
        _("every try at working on a delivery"),
        ("webhooks_webhookattempt",),
        "webhooks_webhookattempt t",
        _columns(
            ("t.id", _("id")),
            ("webhook_log_id = t.log_id", _("delivery's id")),
            ("t.number", _("which try")),
            ("t.started_at", _("when")),
            ("t.duration_ms", _("duration in ms")),
            ("t.outcome", _("done, ignored, unresolved, failed")),
            ("t.error", _("what went wrong")),
        ),
    ),
    View(
        "tool_calls",
        _("what agents asked, and how it was answered"),
        ("integrations_toolcall",),
        "integrations_toolcall t",
        _columns(
            ("t.id", _("id")),
            ("call_id = t.call_row_id", _("call's id")),
            ("t.correlation_id", _("joins every record of the call")),
            ("t.door", _("mcp or function")),
            ("t.tool", _("tool")),
            ("t.code", _("answer's code")),
            ("t.is_success", _("whether it could be answered")),
            ("t.at", _("when")),
            ("t.duration_ms", _("duration in ms")),
            ("t.upstream_ms", _("of which providers, in ms")),
            ("t.error", _("what went wrong")),
        ),
    ),
    View(
        "provider_requests",
        _("what was sent to Cal.com and Retell"),
        ("integrations_providerrequest",),
        "integrations_providerrequest r",
        _columns(
            ("r.id", _("id")),
            ("r.provider", _("provider")),
            ("r.correlation_id", _("joins every record of the call")),
            ("r.method", _("HTTP method")),
            ("r.path", _("path, ids shortened")),
            ("r.status", _("HTTP status; null: no answer")),
            ("r.outcome", _("outcome")),
            ("r.at", _("when")),
            ("r.duration_ms", _("duration in ms")),
            ("r.error", _("what went wrong")),
        ),
    ),
)

VIEWS: dict[str, View] = {view.name: view for view in _VIEWS}


def reference() -> str:
    """Return every view with its columns, as a page for people who write queries."""
    lines = []
    for view in VIEWS.values():
        lines += [f"### {view.name}", "", f"{view.meaning}", ""]
        lines += ["| Column | Meaning |", "|---|---|"]
        lines += [f"| `{one.name}` | {one.meaning} |" for one in view.columns]
        lines.append("")
    return "\n".join(lines)
