"""API keys with scopes, as tests need them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from infra.contract.commands import CreateKey
from infra.contract.ids import KeyId, RoomId, TenantId, new_id
from infra.db.keys import KEYS
from infra.secrets import api_key_sha256
from tests.support.api import Api


@dataclass(frozen=True, slots=True)
class Key:
    id: KeyId
    text: str


async def new_key(
    api: Api,
    *scopes: str,
    rooms: tuple[RoomId, ...] | None = None,
    expires_at: datetime | None = None,
) -> Key:
    """One of the first tenant's."""
    text = api.lobby.context.secrets.scoped_key(new_id())
    made = await api.bus.ask(
        CreateKey(
            tenant_id=TenantId(UUID(api.tenant_id)),
            key_id=KeyId(new_id()),
            sha256=api_key_sha256(text),
            name="robot",
            scopes=scopes,
            room_ids=rooms,
            expires_at=expires_at,
        )
    )
    return Key(made.id, text)


async def key_of(api: Api, text: str) -> Key:
    """A tenant's own key, with the id nobody is shown."""
    with api.lobby.engine.connect() as connection:
        query = select(KEYS.c.id).where(KEYS.c.sha256 == api_key_sha256(text))
        return Key(KeyId(connection.execute(query).scalar_one()), text)


def stored(api: Api) -> bytes:
    """Everything in the database's files, also what is only in its journal yet."""
    home = api.lobby.settings.home.parent
    return b"".join(file.read_bytes() for file in sorted(home.glob("parley.db*")))
