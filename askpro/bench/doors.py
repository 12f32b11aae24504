"""The webhook door beside the least and the most obvious that could do its work."""

from __future__ import annotations

import orjson
from django.db import connections

from askpro.bench.figures import Check, Part, Series, Spread, Target
from askpro.bench.load import SERIAL, Plan
from askpro.bench.stage import KEY, OWNER, Stage, call_object

BODY_BYTES = 6 * 1024
CALLERS = (1, 16, 64, 256)
REMARK = (
    "6 KB signed bodies, 2 processes of 4 threads each; nobody works on what is"
    " stored meanwhile, at none of them"
)
OURS, REPEAT = "AskPro, new", "AskPro, repeated"
CEILING, OBVIOUS, BARE = "raw WSGI + INSERT", "obvious design", "bare view"
_TABLE = """
CREATE TABLE IF NOT EXISTS bench_delivery (
    id bigserial PRIMARY KEY, event varchar(64) NOT NULL,
    call_id varchar(120) NOT NULL, payload jsonb NOT NULL,
    state varchar(16) NOT NULL, received_at timestamptz NOT NULL,
    UNIQUE (event, call_id))
"""


def body(call_id: str) -> str:
    """Return a ``call_ended`` of six kilobytes."""
    call = call_object(
        call_id, 0, call_status="ended", disconnection_reason="user_hangup"
    )
    empty = orjson.dumps({"event": "call_ended", "call": call | {"transcript": ""}})
    sentences = "Agent: Was kann ich tun? User: Einen Termin am Montag, bitte. "
    lacking = BODY_BYTES - len(empty)
    call["transcript"] = (sentences * (lacking // len(sentences) + 1))[:lacking]
    return orjson.dumps({"event": "call_ended", "call": call}).decode()


def measure(stage: Stage, *, rounds: int, seconds: float) -> Part:
    """Measure all candidates, one after another in each round."""
    part = Part("Webhook acceptance", REMARK)
    with connections[OWNER].cursor() as cursor:
        cursor.execute(_TABLE)
    size = {"workers": 2, "threads": 4}
    candidates = {
        BARE: ("bare", stage.counterpart("bare", **size), "/ok", f"bare{SERIAL}"),
        CEILING: ("ceiling", stage.counterpart("ceiling", **size), "/", ""),
        OURS: ("web", stage.web("web", **size), "/api/webhooks/retell", ""),
        REPEAT: ("web", 0, "/api/webhooks/retell", "same"),
        OBVIOUS: ("usual", stage.counterpart("usual", **size), "/obvious", ""),
    }
    with stage.only("bare", "ceiling", "web", "usual"):
        ports = {server: port for server, port, _, _ in candidates.values() if port}
        plans = {
            name: Plan(
                ports[server],
                [(path, body(call_id or f"{server}{SERIAL}"))],
                callers=max(CALLERS),
                key=KEY,
                seconds=1.0,
            )
            for name, (server, _, path, call_id) in candidates.items()
        }
        accepted = {name: stage.run(plan).answered for name, plan in plans.items()}
        for callers in CALLERS:
            for _ in range(rounds):
                for name, plan in plans.items():
                    plan.callers, plan.seconds = callers, seconds
                    series, server = part.of(name, callers), candidates[name][0]
                    result = stage.measure(series, plan, server=server)
                    accepted[name] += result.answered
    part.checks = [part.no_failures(), *_rows(accepted)]
    with connections[OWNER].cursor() as cursor:
        # A table that no migration knows is refused by the next one.
        cursor.execute("DROP TABLE bench_delivery")
    part.targets = _targets(part)
    return part


def _rows(accepted: dict[str, int]) -> list[Check]:
    """Compare what was accepted with what is stored."""
    logs = "SELECT count(*) FROM webhooks_webhooklog l JOIN webhooks_webhookbody b"
    logs += " ON b.log_id = l.id WHERE l.call_id "
    wanted = {
        OURS: (logs + "LIKE 'web%'", accepted[OURS]),
        REPEAT: (logs + "= 'same'", 1),
        CEILING: (logs + "LIKE 'ceiling%'", accepted[CEILING]),
        OBVIOUS: ("SELECT count(*) FROM bench_delivery", accepted[OBVIOUS]),
    }
    checks = []
    for name, (sql, count) in wanted.items():
        with connections[OWNER].cursor() as cursor:
            cursor.execute(sql)
            stored = cursor.fetchone()[0]
        detail = f"{accepted[name]} accepted, {stored} stored"
        checks.append(Check(f"{name}: each is stored once", stored == count, detail))
    return checks


def _targets(part: Part) -> list[Target]:
    at = 16
    ours, repeat = _median(part, OURS, at), _median(part, REPEAT, at)
    p99s = [Spread.of(part.of(name, at).p99s).median for name in (OURS, CEILING)]
    return [
        Target("of the ceiling at 16", ours / _median(part, CEILING, at), 0.6, False),
        Target("× the obvious at 16", ours / _median(part, OBVIOUS, at), 2.5, False),
        Target("p99 of the ceiling's at 16", p99s[0] / p99s[1], 2.0, True),
        Target("a repeat against a new one at 16", repeat / ours, 1.0, False),
    ]


def _median(part: Part, name: str, callers: int) -> float:
    series: Series = part.of(name, callers)
    return Spread.of(series.rates).median
