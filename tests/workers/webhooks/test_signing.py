from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import time
from collections.abc import Mapping

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from infra.contract.ids import new_id
from tests.workers.webhooks.conftest import new_secret
from workers.webhooks import signing

BODY = '{"type":"meeting.started","name":"Physik für Anfänger"}'.encode()


def signed(*secrets: str, body: bytes = BODY) -> dict[str, str]:
    now = int(time.time())
    return dict(
        signing.headers(
            delivery_id=new_id(),
            event="meeting.started",
            body=body,
            secrets=secrets,
            at_s=now,
            first_at_s=now - 30,
            retry=1,
        )
    )


def is_believed(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    try:
        Webhook(secret).verify(body, dict(headers))
    except (WebhookVerificationError, json.JSONDecodeError, UnicodeDecodeError):
        return False
    return True


def test_the_official_verifier_believes_it() -> None:
    secret = new_secret()

    assert Webhook(secret).verify(BODY, signed(secret)) == json.loads(BODY)


def test_any_bit_that_changed_on_the_way_is_noticed() -> None:
    secret = new_secret()
    headers = signed(secret)
    webhook = Webhook(secret)

    for bit in range(len(BODY) * 8):
        wrong = bytearray(BODY)
        wrong[bit // 8] ^= 1 << bit % 8
        with pytest.raises((WebhookVerificationError, UnicodeDecodeError)):
            webhook.verify(bytes(wrong), headers)
    for name in ("webhook-id", "webhook-timestamp"):
        for at in range(len(headers[name])):
            wrong = bytearray(headers[name].encode())
            wrong[at] ^= 1
            with pytest.raises(WebhookVerificationError):
                webhook.verify(BODY, headers | {name: wrong.decode()})
    for _ in range(1000 - len(BODY) * 8):
        digest = bytearray(base64.b64decode(headers["webhook-signature"].removeprefix("v1,")))
        digest[os.urandom(1)[0] % 32] ^= 1 << os.urandom(1)[0] % 8
        forged = f"v1,{base64.b64encode(bytes(digest)).decode()}"
        with pytest.raises(WebhookVerificationError):
            webhook.verify(BODY, headers | {"webhook-signature": forged})


def test_during_a_rotation_either_secret_is_believed_and_no_other() -> None:
    new, old = new_secret(), new_secret()
    headers = signed(new, old)

    assert is_believed(new, headers, BODY)
    assert is_believed(old, headers, BODY)
    assert not is_believed(new_secret(), headers, BODY)


def test_chalks_receivers_recompute_their_signature_from_the_literal_secret() -> None:
    secret = "whsec_" + os.urandom(32).hex()
    headers = signed(secret)

    told = f"{headers['X-Chalk-Timestamp']}.".encode() + BODY
    digest = hmac.new(secret.encode(), told, hashlib.sha256).hexdigest()
    assert headers["X-Chalk-Signature"] == f"sha256={digest}"
    assert headers["X-Chalk-Event"] == "meeting.started"
    assert headers["X-Chalk-Delivery-ID"] == headers["webhook-id"]
    assert headers["X-Chalk-Retry-Count"] == "1"
    first, at = (int(headers[f"X-Chalk-{name}"]) for name in ("Original-Timestamp", "Timestamp"))
    assert at - first == 30
    assert is_believed(secret, headers, BODY)


def test_a_secret_that_is_no_base64_signs_with_its_own_bytes() -> None:
    assert signing.standard_key("a secret of their own!") == b"a secret of their own!"
