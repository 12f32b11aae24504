"""Bodies as providers send them, made odd: wrong types, broken bytes, wrong heads."""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

PAYLOADS = Path(__file__).parent.parent / "payloads"
Json = dict[str, Any]


def deep(levels: int) -> Any:
    """Return a list in a list, so many times."""
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


#: What stands in no provider's documentation.
VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**400, -0.0, 1e308),
    *(
        "",
        " ",
        "0",
        "null",
        "{{call_id}}",
        "\0",
        "a\0b",
        "\ud800",
        "\udfff x",
        "\u202e",
    ),
    *("x" * 300, "ä" * 20_000, "2026-99-99T99:99:99Z", "0001-01-01T00:00:00+14:00"),
    *("+49" + "9" * 40, "anonymous", "'; DROP TABLE bookings_call; --", "../../me"),
    *([], {}, [None], {"": ""}, {"\0": "\0"}, [[], {}, "x"], {"uid": {"uid": []}}),
    deep(200),
    {f"key{number}": number for number in range(500)},
]
HEADS: list[Json] = [
    {},
    {"Content-Type": "text/plain"},
    {"Content-Type": "multipart/form-data"},
    {"Content-Type": "application/x-www-form-urlencoded"},
    {"Content-Type": "application/json; charset=utf-16"},
    {"Content-Type": "\t;;="},
    {"Content-Encoding": "gzip"},
    {"Accept": "text/html"},
]


def recorded(folder: str, *names: str) -> list[Json]:
    """Return bodies as they were recorded."""
    return [
        json.loads((PAYLOADS / folder / f"{one}.json").read_text()) for one in names
    ]


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to each value, but not into long lists."""
    if path:
        yield path
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _places(one, (*path, name))
    elif isinstance(value, list):
        for index, one in enumerate(value[:2]):
            yield from _places(one, (*path, index))


def _put(body: Json, path: Sequence[Any], value: Any) -> None:
    at: Any = body
    for step in path[:-1]:
        if not isinstance(at, dict | list) or (isinstance(at, list) and step != 0):
            return  # something above it was replaced
        at = at.get(step) if isinstance(at, dict) else (at or [None])[0]
    if isinstance(at, dict):
        at[path[-1]] = copy.deepcopy(value)


def _raw(body: Json) -> bytes:
    """Write JSON as a stranger might: lone surrogates as escapes, any number."""
    return json.dumps(body, separators=(",", ":")).encode()


def _doubled(raw: bytes) -> bytes:
    """Say each of the first names twice."""
    return b"{" + raw[1:-1] + b"," + raw[1:] if raw[1:-1] else raw


BREAKS = [
    lambda raw: raw[: len(raw) // 2],
    lambda raw: raw[:-1],
    lambda raw: raw + b"}",
    lambda raw: b"\xef\xbb\xbf" + raw,
    lambda raw: raw.decode().encode("utf-16"),
    lambda raw: raw.replace(b'"', b"'"),
    lambda raw: raw.replace(b":", b":\xff", 1),
    lambda raw: raw.replace(b":", b":NaN,", 1),
    lambda raw: raw.replace(b'"event"', b'"\\u0000event"'),
    lambda raw: b"[" * 5000 + raw,
    lambda raw: b'{"a":' * 5000 + b"1" + b"}" * 5000,
    lambda raw: raw.replace(b"}", b',"number":' + b"9" * 5000 + b"}", 1),
    gzip.compress,
    _doubled,
    lambda _: b"",
]


@st.composite
def bodies(draw: st.DrawFn, of: Sequence[Json]) -> tuple[bytes, Json]:
    """Draw the bytes of an odd body, and odd headers for it."""
    body = copy.deepcopy(draw(st.sampled_from(list(of))))
    places = sorted(_places(body), key=lambda path: (len(path), str(path)))
    # What is read lies near the top; most of a body lies deep.
    near = [path for path in places if len(path) <= 2]
    which = st.sampled_from(near) | st.sampled_from(places)
    for path in draw(st.lists(which, min_size=1, max_size=4)):
        _put(body, path, draw(st.sampled_from(VALUES)))
    raw = _raw(body)
    if draw(st.integers(0, 4)) == 0:
        raw = draw(st.sampled_from(BREAKS))(raw)
    return raw, draw(st.sampled_from(HEADS))
