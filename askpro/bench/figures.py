"""Numbers of several rounds, made into one that can be compared."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from askpro.bench.load import Result


@dataclass(frozen=True)
class Spread:
    """The median of some rounds, and how far they lie apart."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return the spread of at least one value."""
        return cls(statistics.median(values), min(values), max(values))

    def text(self, digits: int = 1) -> str:
        """Return the median with least and most behind it."""
        return (
            f"{self.median:.{digits}f} ({self.least:.{digits}f}–{self.most:.{digits}f})"
        )


@dataclass
class Series:
    """The rounds of one candidate at one number of callers."""

    rates: list[float] = field(default_factory=list)
    p50s: list[float] = field(default_factory=list)
    p99s: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    answered: int = 0
    failed: int = 0

    def add(self, result: Result, *, cpu_s: float) -> None:
        """Take in one round."""
        self.rates.append(result.answered / result.seconds)
        self.p50s.append(percentile(result.latencies_ms, 50))
        self.p99s.append(percentile(result.latencies_ms, 99))
        self.cpu_ms.append(cpu_s * 1000 / max(1, result.answered))
        self.answered += result.answered
        self.failed += result.failed

    def to_json(self) -> dict[str, Any]:
        """Return median, least and most of each figure."""
        named = {
            "per_s": self.rates,
            "p50_ms": self.p50s,
            "p99_ms": self.p99s,
            "cpu_ms": self.cpu_ms,
        }
        return {
            name: [
                round(value, 3) for value in (spread.median, spread.least, spread.most)
            ]
            for name, values in named.items()
            for spread in [Spread.of(values)]
        } | {"answered": self.answered, "failed": self.failed}


@dataclass(frozen=True)
class Target:
    """A ratio that we want, and what it is."""

    name: str
    value: float
    wanted: float
    is_upper: bool  # the value shall be at most what is wanted

    @property
    def is_met(self) -> bool:
        """Tell whether it is as wanted."""
        if self.is_upper:
            return self.value <= self.wanted
        return self.value >= self.wanted

    def text(self) -> str:
        """Return one line."""
        sign, mark = ("≤" if self.is_upper else "≥"), ("✓" if self.is_met else "✗")
        return f"{mark} {self.name}: {self.value:.2f} (wanted {sign} {self.wanted:g})"


@dataclass(frozen=True)
class Check:
    """Something that must hold whatever the machine."""

    name: str
    ok: bool
    detail: str


@dataclass
class Part:
    """What one part of the run measured."""

    title: str
    remark: str
    series: dict[tuple[str, int], Series] = field(default_factory=dict)
    targets: list[Target] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)

    def of(self, candidate: str, callers: int) -> Series:
        """Return the rounds of a candidate, made at the first call."""
        return self.series.setdefault((candidate, callers), Series())

    def no_failures(self) -> Check:
        """Return whether everything was answered with 2xx."""
        failed = {
            f"{name} at {callers}": series.failed
            for (name, callers), series in self.series.items()
            if series.failed
        }
        total = sum(series.answered for series in self.series.values())
        detail = f"{total} answered" if not failed else f"failed: {failed}"
        return Check(f"{self.title}: every request was answered", not failed, detail)

    def lines(self) -> list[str]:
        """Return the part as a table."""
        found = [f"\n{self.title}", f"  {self.remark}"]
        found.append(
            f"  {'candidate':<22}{'callers':>8}{'per second (min–max)':>28}"
            f"{'p50 ms':>22}{'p99 ms':>24}{'CPU ms':>8}"
        )
        for (name, callers), one in self.series.items():
            found.append(
                f"  {name:<22}{callers:>8}{Spread.of(one.rates).text(0):>28}"
                f"{Spread.of(one.p50s).text():>22}{Spread.of(one.p99s).text():>24}"
                f"{Spread.of(one.cpu_ms).median:>8.2f}"
            )
        found += [f"  {note}" for note in self.notes]
        return found + [f"  {target.text()}" for target in self.targets]

    def to_json(self) -> dict[str, Any]:
        """Return the part as a machine reads it."""
        return {
            "title": self.title,
            "remark": self.remark,
            "notes": self.notes,
            "series": [
                {"candidate": name, "callers": callers} | series.to_json()
                for (name, callers), series in self.series.items()
            ],
            "targets": [
                {
                    "name": one.name,
                    "value": round(one.value, 3),
                    "wanted": one.wanted,
                    "is_met": one.is_met,
                }
                for one in self.targets
            ],
        }


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value that so many percent do not exceed; 0 of nothing."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
