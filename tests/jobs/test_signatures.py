"""Signatures as Standard Webhooks 1.0 has them: against its own library, its vectors, and everything that is wrong."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from jobs.signatures import (
    NotVerified,
    SigningKey,
    as_body,
    new_secret,
    new_signing_key,
    secret_bytes,
    sign,
    verify,
)

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = datetime(2026, 11, 22, 4, 5, 6, tzinfo=UTC)
BODY = '{"type":"job.completed","data":{"id":"1","naïve":"ж"}}'.encode()


def test_the_vector_of_the_specification() -> None:
    """From the reference implementations' own tests."""
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}', [SECRET])
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_vector_of_ed25519() -> None:
    """RFC 8032, test 3, with the message that these three parts make: signing is deterministic."""
    seed = bytes.fromhex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7")
    public = bytes.fromhex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")
    key = SigningKey("k", seed, public)
    headers = sign("msg_1", NOW, BODY, [], [key])
    assert headers["webhook-signature"].startswith("v1a,")
    assert sign("msg_1", NOW, BODY, [], [key]) == headers
    assert verify(headers, BODY, public_keys=[public], now=NOW) == "v1a"
    assert key.public_text == "whpk_" + base64.b64encode(public).decode()


@given(body=st.binary(max_size=300).map(lambda data: as_body({"data": data.hex()})), count=st.integers(1, 3))
def test_the_reference_library_accepts_what_we_sign(body: bytes, count: int) -> None:
    secrets = [new_secret() for _ in range(count)]
    headers = sign("msg_1", datetime.now(UTC), body, secrets, [new_signing_key()])
    for secret in secrets:
        assert Webhook(secret).verify(body, headers) == json.loads(body)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(body, headers)


def test_we_accept_what_the_reference_library_signs() -> None:
    at = datetime.now(UTC)
    signature = Webhook(SECRET).sign("msg_1", at, BODY.decode())
    headers = {"Webhook-Id": "msg_1", "Webhook-Timestamp": str(int(at.timestamp())), "Webhook-Signature": signature}
    assert verify(headers, BODY, secrets=[SECRET]) == "v1"


def test_during_a_rotation_both_secrets_verify() -> None:
    old, new = new_secret(), new_secret()
    headers = sign("msg_1", NOW, BODY, [new, old])
    assert [len(headers["webhook-signature"].split()), verify(headers, BODY, secrets=[old], now=NOW)] == [2, "v1"]
    assert verify(headers, BODY, secrets=[new], now=NOW) == "v1"


def test_an_hour_of_another_zone_is_the_same_moment() -> None:
    from datetime import timezone

    elsewhere = NOW.astimezone(timezone(timedelta(hours=5)))
    assert sign("msg_1", elsewhere, BODY, [SECRET]) == sign("msg_1", NOW, BODY, [SECRET])


def changed(headers: dict[str, str], **values: str | None) -> dict[str, str]:
    named = {f"webhook-{name}": value for name, value in values.items()}
    return {name: value for name, value in {**headers, **named}.items() if value is not None}


SIGNED = sign("msg_1", NOW, BODY, [SECRET])


@pytest.mark.parametrize(
    ("headers", "body", "now", "check", "words"),
    [
        (changed(SIGNED, signature=None), BODY, NOW, "missing_header", "webhook-signature is missing"),
        ({}, BODY, NOW, "missing_header", "webhook-id, webhook-timestamp, webhook-signature are missing"),
        (changed(SIGNED, id="msg.1"), BODY, NOW, "malformed_id", "dot"),
        (changed(SIGNED, timestamp="yesterday"), BODY, NOW, "malformed_timestamp", "number of seconds"),
        (changed(SIGNED, timestamp="9" * 400), BODY, NOW, "malformed_timestamp", "number of seconds"),
        (SIGNED, BODY, NOW + timedelta(seconds=301), "timestamp_too_old", "301 s ago"),
        (SIGNED, BODY, NOW - timedelta(seconds=301), "timestamp_too_new", "301 s in the future"),
        (changed(SIGNED, signature="v1"), BODY, NOW, "malformed_signature", "version,signature"),
        (changed(SIGNED, signature="v1,ж"), BODY, NOW, "malformed_signature", "not base64"),
        (changed(SIGNED, signature="v2,AAAA"), BODY, NOW, "unknown_version", "v2"),
        (changed(SIGNED, signature="v1a,AAAA"), BODY, NOW, "unknown_version", "v1a"),
        (sign("msg_1", NOW, BODY, [new_secret()]), BODY, NOW, "no_match", "secret is not this endpoint's"),
        (changed(SIGNED, id="msg_2"), BODY, NOW, "no_match", "webhook-id"),
        (SIGNED, BODY + b"\n", NOW, "body_changed", "White space"),
        (SIGNED, json.dumps(json.loads(BODY)).encode(), NOW, "body_changed", "parsed and written again"),
        (SIGNED, BODY.replace(b'"1"', b'"2"'), NOW, "no_match", "body"),
    ],
)
def test_it_says_which_check_failed(
    headers: dict[str, str], body: bytes, now: datetime, check: str, words: str
) -> None:
    with pytest.raises(NotVerified) as refused:
        verify(headers, body, secrets=[SECRET], now=now)
    assert refused.value.check == check
    assert words in refused.value.detail


def test_each_failed_check_has_a_sentence_of_its_own() -> None:
    """Whoever looks at a refused webhook must not have to guess."""
    sentences = set()
    for headers, at in ((changed(SIGNED, id=None), NOW), (SIGNED, NOW + timedelta(hours=1)), (SIGNED, NOW)):
        with pytest.raises(NotVerified) as refused:
            verify(headers, b"{}", secrets=[SECRET], now=at)
        sentences.add(refused.value.detail)
    assert len(sentences) == 3


@given(
    headers=st.fixed_dictionaries({name: st.text(max_size=40) for name in SIGNED}),
    body=st.binary(max_size=60),
)
def test_whatever_arrives_is_refused_with_words_and_never_with_a_traceback(
    headers: dict[str, str], body: bytes
) -> None:
    with pytest.raises(NotVerified):
        verify(headers, body, secrets=[SECRET], public_keys=[new_signing_key().public], now=NOW)


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "begins with whsec_"),
        ("whsec_ж", "base64"),
        ("whsec_" + base64.b64encode(b"x" * 23).decode(), "has 24 to 64 bytes; this one has 23"),
        ("whsec_" + base64.b64encode(b"x" * 65).decode(), "this one has 65"),
    ],
)
def test_a_secret_that_is_none(secret: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        secret_bytes(secret)


def test_a_door_that_signs_nothing_does_not_load_the_cryptography() -> None:
    import subprocess
    import sys

    program = "import sys, jobs.signatures as s; s.sign('m', s.datetime.now(s.UTC), b'', [s.new_secret()]);"
    loaded = subprocess.run(
        [sys.executable, "-c", program + "print('cryptography' in sys.modules)"], capture_output=True, text=True
    )
    assert loaded.stdout.strip() == "False", loaded.stderr
