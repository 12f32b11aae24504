import json
from pathlib import Path

from integrations.calcom import authentication

VECTOR = json.loads(
    (
        Path(__file__).parents[2] / "payloads/calcom/webhook_signature_vector.json"
    ).read_text()
)
RAW = VECTOR["rawBodyUtf8"].encode()


def test_the_worked_vector_is_genuine_also_as_second_secret():
    signature = VECTOR["signatureHex"]

    assert authentication.verify(RAW, signature, [VECTOR["secret"]])
    assert authentication.verify(RAW, signature, ["next one", VECTOR["secret"]])


def test_a_body_that_was_parsed_and_written_again_is_refused():
    other = json.dumps(json.loads(RAW), separators=(",", ":")).encode()

    assert not authentication.verify(other, VECTOR["signatureHex"], [VECTOR["secret"]])


def test_no_secret_and_odd_headers_are_refused():
    for header in (None, "", "no-secret-provided", "ä" * 64, VECTOR["signatureHex"]):
        assert not authentication.verify(RAW, header, ["", "wrong"])
