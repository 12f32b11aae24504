"""Bodies are read so that PostgreSQL can keep what they say."""

from __future__ import annotations

from integrations.bodies import json_object


def test_nul_goes_and_all_else_stays():
    raw = b'{"a\\u0000b": ["x\\u0000y", {"c": "\\u0000"}], "n": 1, "z": "\xc3\xa4"}'

    assert json_object(raw) == {"ab": ["xy", {"c": ""}], "n": 1, "z": "ä"}


def test_what_is_no_object_is_none():
    for raw in (b"", b"[]", b"{", b'"\\ud800"', b"[" * 5000, b"\xff", b"NaN"):
        assert json_object(raw) is None


def test_an_absurdly_deep_body_with_nul_is_none():
    deep = b'{"a": ' + b"[" * 1020 + b'"\\u0000"' + b"]" * 1020 + b"}"

    assert json_object(deep) is None
