"""What was found in a phrase, before it is put together."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

#: The earliest opening and the latest closing, as minutes of the day.
Hours = tuple[int, int]


@dataclass(frozen=True)
class Span:
    """Days in a row, both included."""

    first: date
    last: date

    @property
    def is_single(self) -> bool:
        """Whether it is one day."""
        return self.first == self.last

    def of(self, weekday: int) -> date:
        """Return the first such weekday on or after the first day."""
        return self.first + timedelta(days=(weekday - self.first.weekday()) % 7)


@dataclass(frozen=True)
class Clock:
    """A spoken time: minutes after midnight, below 720 where the half is open."""

    minutes: int
    is_fixed: bool = False
    is_regional: bool = False

    def agrees(self, other: Clock) -> bool:
        """Tell whether both may mean the same time."""
        if self.is_fixed and other.is_fixed:
            return self.minutes == other.minutes
        return self.minutes % 720 == other.minutes % 720


@dataclass(frozen=True)
class Weekday:
    """A weekday, which one (``vocabulary.NEXT`` ...), and where it stood."""

    number: int
    which: str
    position: int


@dataclass(frozen=True)
class Shift:
    """``in two weeks``: days from today or from a weekday, and where it stood."""

    days: int
    position: int
    is_weeks: bool
    slack: tuple[int, int] = (0, 0)


@dataclass
class Found:
    """Everything that was understood of a phrase spoken at ``now`` (local)."""

    now: datetime
    zone: ZoneInfo
    hint: str = ""
    spans: list[Span] = field(default_factory=list)
    weekdays: list[Weekday] = field(default_factory=list)
    month_days: list[int] = field(default_factory=list)
    shifts: list[Shift] = field(default_factory=list)
    clocks: dict[str, list[Clock]] = field(
        default_factory=lambda: {"at": [], "from": [], "to": []}
    )
    parts: list[str] = field(default_factory=list)
    is_early: bool | None = None
    edge: str = ""
    choices: list[Span] = field(default_factory=list)
    is_soonest: bool = False
    is_past: bool = False
    is_barred: bool = False
    unread: list[str] = field(default_factory=list)
    read: int = 0

    @property
    def today(self) -> date:
        """The day of the call, where the branch is."""
        return self.now.date()

    @property
    def has_days(self) -> bool:
        """Whether anything said which day."""
        return bool(
            self.spans
            or self.weekdays
            or self.month_days
            or self.shifts
            or self.choices
        )

    @property
    def has_clock(self) -> bool:
        """Whether anything said which time."""
        return any(self.clocks.values()) or bool(self.parts)

    def week(self, offset: int) -> Span:
        """Return a calendar week, Monday to Sunday, counted from this one."""
        monday = self.today - timedelta(days=self.today.weekday())
        first = monday + timedelta(weeks=offset)
        return Span(first, first + timedelta(days=6))
