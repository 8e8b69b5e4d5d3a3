"""What proves to a receiver that a delivery is ours, in both forms it may know.

Standard Webhooks 1.0: the key is what follows `whsec_`, decoded from base64. Chalk: it is the whole
secret, as it is written.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from uuid import UUID

PREFIX = "whsec_"


def headers(
    *,
    delivery_id: UUID,
    event: str,
    body: bytes,
    secrets: Sequence[str],
    at_s: int,
    first_at_s: int,
    retry: int,
) -> Mapping[str, str]:
    """Of one attempt. `secrets`: the current one first; each signs for Standard Webhooks, whose
    header has room for several, and the first alone for Chalk, whose has not. Times are Unix
    seconds: of this attempt, and when the delivery was left."""
    signed = f"{delivery_id}.{at_s}.".encode() + body
    return {
        "Content-Type": "application/json",
        "User-Agent": "Parley-Webhooks/1",
        "webhook-id": str(delivery_id),
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(_standard(secret, signed) for secret in secrets),
        "X-Chalk-Signature": f"sha256={_chalk(secrets[0], at_s, body)}",
        "X-Chalk-Timestamp": str(at_s),
        "X-Chalk-Event": event,
        "X-Chalk-Delivery-ID": str(delivery_id),
        "X-Chalk-Retry-Count": str(retry),
        "X-Chalk-Original-Timestamp": str(first_at_s),
    }


def _standard(secret: str, signed: bytes) -> str:
    digest = hmac.digest(standard_key(secret), signed, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"


def standard_key(secret: str) -> bytes:
    """A tenant may bring a secret that is no base64: then its own bytes are the key."""
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return secret.encode()


def _chalk(secret: str, at_s: int, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
