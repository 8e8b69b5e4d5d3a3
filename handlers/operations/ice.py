"""ICE servers for clients: the deployment's own TURN server, or none."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime
from typing import TypedDict

from infra.contract.ids import ParticipantId, TenantId
from infra.settings import Settings

CREDENTIAL_S = 3600
"Seconds a TURN credential lives; coturn keeps an allocation that outlives it."


class IceServer(TypedDict):
    """As `RTCIceServer` has it."""

    urls: list[str]
    username: str
    credential: str


def ice_servers(
    settings: Settings, *, tenant: TenantId, participant: ParticipantId, now: datetime
) -> list[IceServer]:
    """Credentials by coturn's `use-auth-secret`: the user name starts with when they expire."""
    if settings.turn_url is None or settings.turn_secret is None:
        return []
    username = f"{int(now.timestamp()) + CREDENTIAL_S}:{tenant}:{participant}"
    key = settings.turn_secret.get_secret_value().encode()
    # SHA-1 is what the TURN REST convention fixes; as an HMAC it stays sound.
    digest = hmac.new(key, username.encode(), hashlib.sha1).digest()
    return [
        {
            "urls": [settings.turn_url],
            "username": username,
            "credential": base64.b64encode(digest).decode(),
        }
    ]
