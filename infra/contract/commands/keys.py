"""API keys with scopes, the OAuth 2.0 clients they are, and tokens that were revoked."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from infra.contract.ids import KeyId, RoomId, TenantId
from infra.contract.messages import Command, Done, Reply


class KeyView(Reply):
    """Never the key itself."""

    id: KeyId
    tenant_id: TenantId
    name: str
    scopes: tuple[str, ...]
    "Empty: a tenant's own key, which may do everything."
    room_ids: tuple[RoomId, ...] | None
    "The only rooms it is good for; None: all."
    created_at: datetime
    expires_at: datetime | None


class CreateKey(Command[KeyView]):
    """A key that is good for some things only. Refuses NOT_ALLOWED for more keys than a tenant may
    have, and BAD_CREDENTIALS when the key it is made with is good no more."""

    kind: Literal["key.create"] = "key.create"
    tenant_id: TenantId
    key_id: KeyId
    sha256: str
    "Hex digest of the key; the key itself never travels in a message."
    name: str = Field(min_length=1, max_length=200)
    scopes: tuple[str, ...] = Field(min_length=1, max_length=32)
    room_ids: tuple[RoomId, ...] | None = Field(default=None, max_length=1000)
    expires_at: datetime | None = None
    """None: none of its own. Refuses UNUSABLE one that is past, NOT_ALLOWED one after that of the
    key it is made with."""
    made_with: KeyId | None = None
    """The key whose scopes, or some of them, allow it: the new one ends with it at the latest.
    None: the tenant itself makes it."""


class RevokeKey(Command[Done]):
    """From now on it opens nothing, nor does any token or other key made with it. Refuses
    KEY_UNKNOWN."""

    kind: Literal["key.revoke"] = "key.revoke"
    tenant_id: TenantId
    key_id: KeyId


class RevokeToken(Command[Done]):
    """A token stops working before its time. Forgotten once it would have expired."""

    kind: Literal["token.revoke"] = "token.revoke"
    tenant_id: TenantId
    jti: UUID
    expires_at: datetime
