"""The sandbox's Retell workspace: what it starts with, and how it is kept.

The rows are the state, so that it survives a restart and every process sees it.
"""

from __future__ import annotations

import secrets
import time
from typing import Any

from integrations.sandbox.models_retell import RetellRecord

Json = dict[str, Any]
Kind = RetellRecord.Kind
AGENT_ID = "agent_9a6e3c51f0d74b28a1c5e7bd042"
LLM_ID = "llm_3d1f8b7a60c94e52b8f4a9c1e67"
NUMBER = "+493083793369"
WEB_URL = "http://127.0.0.1:8000"
IDENTIFIERS = {
    Kind.WORKSPACE: "org_id",
    Kind.AGENT: "agent_id",
    Kind.LLM: "llm_id",
    Kind.NUMBER: "phone_number",
    Kind.CALL: "call_id",
}
WISH = {
    "service": "Leistung, wie der Anrufer sie nennt",
    "date": "Wunschtag, am besten JJJJ-MM-TT, sonst wörtlich",
    "time": "Wunschzeit HH:MM oder wörtlich",
}
CONTACT = {"name": "Name des Kunden", "phone": "Telefonnummer", "email": "E-Mail"}
OFFER = {"offer_id": "offer_id aus check_availability"}
APPOINTMENT = {"appointment_id": "appointment_id aus einer früheren Antwort"}
TOOLS: dict[str, tuple[str, dict[str, str]]] = {
    "check_availability": ("Freie Termine suchen.", WISH),
    "create_booking": ("Angebotenen Termin buchen.", OFFER | WISH | CONTACT),
    "reschedule_booking": ("Termin verlegen.", APPOINTMENT | OFFER | WISH),
    "cancel_booking": ("Termin absagen.", APPOINTMENT),
    "find_bookings": ("Termine des Anrufers nennen.", CONTACT),
    "booking_status": ("Sagen, was aus der Buchung wurde.", APPOINTMENT),
    "get_customer_info": ("Sagen, was vom Anrufer bekannt ist.", {}),
    "get_current_context": ("Datum, Uhrzeit und Öffnungszeiten nennen.", {}),
    "request_callback": ("Rückruf aufnehmen.", CONTACT | {"reason": "Anliegen"}),
}
CONFIRMED_TOOLS = {"create_booking", "cancel_booking"}

ANALYSIS: list[Json] = [
    {
        "type": "enum",
        "name": "anliegen",
        "description": "Hauptanliegen des Anrufs",
        "choices": ["termin", "auskunft", "sonstiges"],
    },
    {
        "type": "system-presets",
        "name": "call_summary",
        "description": "Fasse den Anruf auf Deutsch in zwei Sätzen zusammen.",
    },
]


def now_ms() -> int:
    return round(time.time() * 1000)


def workspace() -> Json:
    """Return organisation and keys, made when they are first asked for."""
    row = RetellRecord.objects.filter(kind=Kind.WORKSPACE).first()
    if row is None:
        seed()
        row = RetellRecord.objects.get(kind=Kind.WORKSPACE)
    body: Json = row.body
    return body


def everything(kind: Kind) -> list[Json]:
    """Return all objects of a kind, the oldest first."""
    workspace()
    rows = RetellRecord.objects.filter(kind=kind).order_by("pk")
    return [row.body for row in rows]


def find(kind: Kind, identifier: str) -> Json | None:
    """Return one object, or None."""
    workspace()
    row = RetellRecord.objects.filter(kind=kind, identifier=identifier).first()
    return None if row is None else row.body


def save(kind: Kind, body: Json) -> Json:
    """Keep an object under its own identifier; return it."""
    RetellRecord.objects.update_or_create(
        kind=kind, identifier=body[IDENTIFIERS[kind]], defaults={"body": body}
    )
    return body


def remove(kind: Kind, identifier: str) -> bool:
    """Forget an object; tell whether there was one."""
    chosen = RetellRecord.objects.filter(kind=kind, identifier=identifier)
    return bool(chosen.delete()[0])


def seed() -> None:
    """Write the first state; where two processes try, the first one's stays."""
    first = [
        (
            Kind.WORKSPACE,
            {
                "org_id": "sandbox",
                "org_name": "AskProAI",
                "api_key_name": "askpro",
                "api_key": f"key_{secrets.token_hex(14)}",
                "webhook_key": f"key_{secrets.token_hex(14)}",
            },
        ),
        (Kind.AGENT, _agent()),
        (Kind.LLM, _llm()),
        (Kind.NUMBER, _number()),
    ]
    RetellRecord.objects.bulk_create(
        [
            RetellRecord(kind=kind, identifier=body[IDENTIFIERS[kind]], body=body)
            for kind, body in first
        ],
        ignore_conflicts=True,
    )


def _agent() -> Json:
    return {
        "agent_id": AGENT_ID,
        "agent_name": "AskProAI Berlin – Empfang",
        "version": 1,
        "base_version": 0,
        "is_published": True,
        "version_title": "Erste Fassung",
        "assigned_tags": ["prod"],
        "last_modification_timestamp": now_ms(),
        "response_engine": {"type": "retell-llm", "llm_id": LLM_ID, "version": 1},
        "voice_id": "11labs-Example",
        "voice_model": "eleven_flash_v2_5",
        "language": "de-DE",
        "timezone": "Europe/Berlin",
        "webhook_url": f"{WEB_URL}/api/webhooks/retell",
        "webhook_events": ["call_started", "call_ended", "call_analyzed"],
        "webhook_timeout_ms": 10_000,
        "post_call_analysis_data": ANALYSIS,
        "data_storage_setting": "everything",
        "data_storage_retention_days": 30,
        "opt_in_signed_url": True,
        "signed_url_expiration_ms": 86_400_000,
        "max_call_duration_ms": 900_000,
        "end_call_after_silence_ms": 30_000,
        "interruption_sensitivity": 0.8,
        "responsiveness": 0.9,
        "boosted_keywords": ["AskPro"],
        "handbook_config": {"ai_disclosure": True, "echo_verification": True},
    }


def _llm() -> Json:
    model = {"model": "gpt-5-mini", "tier": "standard"}
    hang_up = {"type": "end_call", "name": "end_call", "description": "Auflegen."}
    return {
        "llm_id": LLM_ID,
        "version": 1,
        "is_published": True,
        "last_modification_timestamp": now_ms(),
        "model": "gpt-5-mini",
        "model_config": {"type": "cascading", "primary": model, "temperature": 0.0},
        "tool_call_strict_mode": True,
        "start_speaker": "agent",
        "begin_message": "Guten Tag, Sie sprechen mit der digitalen Assistentin.",
        "general_prompt": (
            "Du bist die digitale Telefonassistentin. Sprich Deutsch, per Sie.\n"
            "Sage nie, ein Termin sei gebucht, bevor ein Werkzeug es gesagt hat.\n"
            "Lies die Antwort im Feld say vor.\n"
        ),
        "general_tools": [hang_up, *(_tool(name) for name in TOOLS)],
        "knowledge_base_ids": [],
        "default_dynamic_variables": {},
    }


def _tool(name: str) -> Json:
    description, arguments = TOOLS[name]
    properties: Json = {
        argument: {"type": "string", "description": meaning}
        for argument, meaning in arguments.items()
    }
    if name in CONFIRMED_TOOLS:
        meaning = "true nur nach ausdrücklichem Ja"
        properties["confirmed"] = {"type": "boolean", "description": meaning}
    return {
        "type": "custom",
        "name": name,
        "description": description,
        "url": f"{WEB_URL}/api/mcp/retell/functions/{name}",
        "method": "POST",
        "headers": {},
        "args_at_root": False,
        "parameter_type": "json",
        "parameters": {"type": "object", "properties": properties, "required": []},
        "speak_during_execution": True,
        "execution_message_type": "static_text",
        "execution_message_description": "Einen Moment, ich schaue nach.",
        "speak_after_execution": True,
        "timeout_ms": 8_000,
        "max_retry": 0,
    }


def _number() -> Json:
    agent = {"agent_id": AGENT_ID, "agent_version": "latest_published", "weight": 1}
    return {
        "phone_number": NUMBER,
        "phone_number_type": "custom",
        "phone_number_pretty": "+49 30 83793369",
        "nickname": "AskProAI Berlin",
        "inbound_agents": [agent],
        "outbound_agents": [],
        "inbound_webhook_url": f"{WEB_URL}/api/webhooks/retell",
        "allowed_inbound_country_list": ["DE"],
        "fallback_number": "+493023125099",
        "last_modification_timestamp": now_ms(),
    }
