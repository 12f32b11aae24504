"""The moment at which every phrase of these tests is spoken."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")
#: A Wednesday.
NOW = datetime(2026, 11, 25, 8, 0, tzinfo=BERLIN)
