"""What can be read by SQL: stable names of views and columns, and what they mean.

No secret, no raw body, no transcript and no spoken answer is in them. Rehearsals are
left out: no figure counts them.
"""

from __future__ import annotations

from dataclasses import dataclass

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


def _columns(*lines: str) -> tuple[Column, ...]:
    """Read ``name = source: meaning``, or ``source: meaning`` named as its column."""
    columns = []
    for line in lines:
        left, meaning = line.split(": ", 1)
        name, _, source = left.rpartition(" = ")
        columns.append(Column(name or source.split(".")[-1], source, meaning))
    return tuple(columns)


_VIEWS = (
    View(
        "branches",
        "shops that answer a telephone number",
        ("tenants_branch",),
        "tenants_branch b",
        _columns(
            "b.id: id",
            "b.slug: short name",
            "b.name: name",
            "b.address: address",
            "b.time_zone: time zone; empty: the company's",
            "b.calcom_event_type_id: Cal.com event type id",
            "b.retell_agent_id: Retell agent id",
            "b.is_active: whether it takes calls",
        ),
    ),
    View(
        "phone_numbers",
        "numbers that callers dial",
        ("tenants_phonenumber", "tenants_branch"),
        "tenants_phonenumber n JOIN tenants_branch b ON b.id = n.branch_id",
        _columns(
            "n.number: E.164",
            "branch = b.name: branch",
            "n.branch_id: branch's id",
            "n.is_active: whether it is answered",
        ),
    ),
    View(
        "services",
        "what can be booked",
        ("tenants_service", "tenants_branch"),
        "tenants_service s JOIN tenants_branch b ON b.id = s.branch_id",
        _columns(
            "s.id: id",
            "s.name: name",
            "branch = b.name: branch",
            "s.branch_id: branch's id",
            "s.duration_min: duration in minutes",
            "s.price_eur: price in €",
            "s.capacity: places",
            "s.calcom_event_type_id: Cal.com event type id; null: the branch's",
            "s.is_active: whether it is offered",
        ),
    ),
    View(
        "staff",
        "people whose time is booked",
        ("tenants_staff", "tenants_branch"),
        "tenants_staff s JOIN tenants_branch b ON b.id = s.branch_id",
        _columns(
            "s.id: id",
            "s.name: name",
            "branch = b.name: branch",
            "s.branch_id: branch's id",
            "s.is_active: whether time can be booked",
        ),
    ),
    View(
        "customers",
        "who has appointments",
        ("bookings_customer",),
        "bookings_customer c",
        _columns(
            "c.id: id",
            "c.name: name",
            "c.phone: E.164; null: unknown",
            "c.email: e-mail; null: unknown",
            "c.notes: notes of the staff",
            "c.created_at: since when we know them",
        ),
    ),
    View(
        "calls",
        "telephone calls",
        ("bookings_call", "tenants_branch", "bookings_customer"),
        "bookings_call c JOIN tenants_branch b ON b.id = c.branch_id"
        " LEFT JOIN bookings_customer k ON k.id = c.customer_id"
        " WHERE NOT c.is_rehearsal",
        _columns(
            "c.id: id",
            "c.call_id: Retell's id",
            "c.correlation_id: joins every record of the call",
            "branch = b.name: branch",
            "c.branch_id: branch's id",
            "c.direction: inbound or outbound",
            "c.from_number: caller, E.164; empty: withheld",
            "c.to_number: dialled number, E.164",
            "c.status: ringing, started, lost, ended, analyzed",
            "c.outcome: empty, booked, moved, cancelled, pending, callback",
            "c.customer_id: customer's id",
            "customer_name = k.name: customer",
            "c.rang_at: first ring",
            "c.started_at: answered",
            "c.ended_at: ended",
            "c.disconnection_reason: why it ended, in Retell's words",
            "c.summary: Retell's summary, while it is kept",
        ),
    ),
    View(
        "appointments",
        "visits, from the wish to the end",
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
            "a.id: id",
            "a.state: requested, booking, unknown, booked, declined, cancelled",
            "a.starts_at: start",
            "a.ends_at: end",
            "branch = b.name: branch",
            "a.branch_id: branch's id",
            "service = s.name: service",
            "a.service_id: service's id",
            "staff = p.name: staff member",
            "a.staff_id: staff member's id",
            "a.customer_id: customer's id",
            "customer_name = k.name: customer",
            "customer_phone = k.phone: E.164; null: unknown",
            "customer_email = k.email: null: unknown",
            "a.call_id: id of the call that brought it",
            "a.intent: what is under way: book, move, cancel; null: nothing",
            "a.wished_starts_at: where a move is under way: to when",
            "a.calcom_uid: Cal.com's uid",
            "a.created_at: when it was wished",
        ),
    ),
    View(
        "appointment_changes",
        "who or what changed an appointment",
        ("bookings_appointmentchange",),
        "bookings_appointmentchange c",
        _columns(
            "c.id: id",
            "c.appointment_id: appointment's id",
            "c.at: when",
            "c.actor: who or what",
            "c.what: book, move, cancel, confirm",
            "c.why: why",
            "c.correlation_id: of the call",
        ),
    ),
    View(
        "offers",
        "times that were spoken to callers",
        ("bookings_offer", "bookings_call", "tenants_service", "tenants_staff"),
        "bookings_offer o JOIN bookings_call c ON c.id = o.call_id"
        " LEFT JOIN tenants_service s ON s.id = o.service_id"
        " LEFT JOIN tenants_staff p ON p.id = o.staff_id WHERE NOT c.is_rehearsal",
        _columns(
            "o.id: id",
            "o.call_id: call's id",
            "service = s.name: service",
            "staff = p.name: staff member",
            "o.starts_at: the time offered",
            "o.offered_at: when it was spoken",
            "o.accepted_at: when it was accepted; null: it was not",
        ),
    ),
    View(
        "callbacks",
        "what a person must do",
        ("bookings_callback", "tenants_branch"),
        "bookings_callback c JOIN tenants_branch b ON b.id = c.branch_id",
        _columns(
            "c.id: id",
            "c.kind: what for",
            "c.state: open or done",
            "branch = b.name: branch",
            "c.name: who asked",
            "c.phone: where to call, E.164",
            "c.reason: why",
            "c.due_at: by when",
            "c.created_at: since when",
            "c.done_at: when it was done",
            "c.call_id: call's id",
        ),
    ),
    View(
        "notifications",
        "messages to customers",
        ("bookings_notification",),
        "bookings_notification n",
        _columns(
            "n.id: id",
            "n.appointment_id: appointment's id",
            "n.kind: booked, moved, cancelled",
            "n.channel: for example email",
            "n.state: state",
            "n.due_at: when it is due",
            "n.sent_at: when it was sent",
            "n.attempts: tries",
        ),
    ),
    View(
        "webhook_logs",
        "deliveries of the providers",
        ("webhooks_webhooklog",),
        "webhooks_webhooklog w",
        _columns(
            "w.id: id",
            "w.provider: retell, calcom",
            "w.event: event",
            "w.call_id: Retell's call id",
            "w.correlation_id: joins every record of the call",
            "w.state: received, processing, done, ignored, unresolved, retrying, dead",
            "w.reason: never, later, person: what can help",
            "w.source: webhook, or poll: asked for",
            "w.received_at: when it came",
            "w.finished_at: when it was settled",
            "w.attempts: tries",
            "w.last_error: what went wrong last",
        ),
    ),
    View(
        "webhook_attempts",
        "every try at working on a delivery",
        ("webhooks_webhookattempt",),
        "webhooks_webhookattempt t",
        _columns(
            "t.id: id",
            "webhook_log_id = t.log_id: delivery's id",
            "t.number: which try",
            "t.started_at: when",
            "t.duration_ms: duration in ms",
            "t.outcome: done, ignored, unresolved, failed",
            "t.error: what went wrong",
        ),
    ),
    View(
        "tool_calls",
        "what agents asked, and how it was answered",
        ("integrations_toolcall",),
        "integrations_toolcall t",
        _columns(
            "t.id: id",
            "call_id = t.call_row_id: call's id",
            "t.correlation_id: joins every record of the call",
            "t.door: mcp or function",
            "t.tool: tool",
            "t.code: answer's code",
            "t.is_success: whether it could be answered",
            "t.at: when",
            "t.duration_ms: duration in ms",
            "t.upstream_ms: of which providers, in ms",
            "t.error: what went wrong",
        ),
    ),
    View(
        "provider_requests",
        "what was sent to Cal.com and Retell",
        ("integrations_providerrequest",),
        "integrations_providerrequest r",
        _columns(
            "r.id: id",
            "r.provider: provider",
            "r.correlation_id: joins every record of the call",
            "r.method: HTTP method",
            "r.path: path, ids shortened",
            "r.status: HTTP status; null: no answer",
            "r.outcome: outcome",
            "r.at: when",
            "r.duration_ms: duration in ms",
            "r.error: what went wrong",
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
