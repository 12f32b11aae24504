import json
from pathlib import Path

import pytest

from integrations.retell import signatures

VECTORS = json.loads(
    (Path(__file__).parents[2] / "payloads/retell/signature_vectors.json").read_text()
)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_each_worked_vector_is_judged_as_retell_judges_it(vector):
    verdict = signatures.verify(
        vector["raw_body"].encode(),
        vector["header_value"],
        [vector["api_key"]],
        now_ms=vector["verify_at_ms"],
    )

    assert verdict is vector["expect"]


def test_what_we_sign_verifies_with_either_of_two_keys_during_a_rotation():
    header = signatures.sign(b"{}", "new key", now_ms=1_000_000)

    assert signatures.verify(b"{}", header, ["old", "new key"], now_ms=1_000_000)
    assert not signatures.verify(b"{}", header, ["old", ""], now_ms=1_000_000)


@pytest.mark.parametrize(
    ("now_ms", "verdict"),
    [(1_300_000, True), (1_300_001, False), (700_000, True), (699_999, False)],
)
def test_a_signature_holds_for_five_minutes_in_both_directions(now_ms, verdict):
    header = signatures.sign(b"{}", "key", now_ms=1_000_000)

    assert signatures.verify(b"{}", header, ["key"], now_ms=now_ms) is verdict


@pytest.mark.parametrize(
    "header", [None, "", "v=1,d=", "nonsense", "v=١,d=" + "0" * 64]
)
def test_a_missing_or_odd_header_is_a_bad_signature(header):
    assert signatures.verify(b"{}", header, ["key"], now_ms=1) is False


def test_no_key_means_no_genuine_request():
    header = signatures.sign(b"{}", "", now_ms=1_000_000)

    assert signatures.verify(b"{}", header, [""], now_ms=1_000_000) is False
