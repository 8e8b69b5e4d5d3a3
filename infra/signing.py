"""Signing tokens with the deployment's key. `handlers/tokens.py` makes most and checks all."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.contract.ids import ParticipantId, RoomId, TenantId

ALGORITHM = "EdDSA"
LETTER_LIFE_S = 2 * 366 * 86_400
"Seconds the code in a letter is good for at most; taking the seat away ends it sooner."


def sign(key: Ed25519PrivateKey, claims: dict[str, Any], *, typ: str) -> str:
    """A compact JWS of the claims (RFC 7519); the same ones give the same one."""
    headers = {"typ": typ, "kid": thumbprint(key)}
    return jwt.encode(claims, key, algorithm=ALGORITHM, headers=headers)


def seat_code(
    key: Ed25519PrivateKey,
    *,
    tenant_id: TenantId,
    room_id: RoomId,
    seat_id: ParticipantId,
    issuer: str,
    jti: UUID,
    issued_at: datetime,
    lives_s: int = LETTER_LIFE_S,
) -> str:
    """An invitation to one seat, for as long as it is kept: whoever has the code gets that seat.

    Says whose seat it is and nothing of what they may do there, which the seat's row does.
    """
    issued = int(issued_at.timestamp())
    claims = {
        "kind": "participant",
        "sub": str(seat_id),
        "tenant_id": str(tenant_id),
        "room_id": str(room_id),
        "role": "participant",
        "iss": issuer,
        "aud": ["chalk"],
        "iat": issued,
        "nbf": issued,
        "exp": issued + lives_s,
        "jti": str(jti),
        "type": "invite",
    }
    return sign(key, claims, typ="invite+jwt")


def thumbprint(key: Ed25519PrivateKey) -> str:
    """RFC 7638, with the members of RFC 8037, appendix A.3."""
    member = json.dumps(public_members(key), sort_keys=True, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(member.encode()).digest()).rstrip(b"=").decode()


def public_members(key: Ed25519PrivateKey) -> dict[str, str]:
    """The public key as a JWK (RFC 8037, section 2)."""
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    x = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    return {"crv": "Ed25519", "kty": "OKP", "x": x}
