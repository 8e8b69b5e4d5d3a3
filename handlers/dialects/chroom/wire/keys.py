"""API keys that are good for certain things only."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from handlers.dialects import names
from handlers.dialects.chroom.wire import fields
from handlers.dialects.chroom.wire.fields import Moment, Title
from handlers.dialects.operation import Body, Shown
from infra.contract.commands import KeyView
from infra.contract.ids import RoomId
from infra.contract.scopes import Scope

ScopeName = Annotated[str, Field(max_length=64, json_schema_extra={"enum": [*Scope]})]


class CreateKey(Body):
    name: Title
    scopes: Annotated[tuple[ScopeName, ...], Field(min_length=1, max_length=32)]
    meeting_ids: (
        Annotated[
            tuple[Annotated[str, Field(max_length=64)], ...], Field(min_length=1, max_length=1000)
        ]
        | None
    ) = None
    "The only meetings it is good for; null: all."
    expires_at: Moment | None = None
    "null: when the key it is made with does, if ever."

    @property
    def room_ids(self) -> list[RoomId] | None:
        """Raises `Refused` ROOM_UNKNOWN."""
        if self.meeting_ids is None:
            return None
        return [fields.meeting_id(text) for text in self.meeting_ids]


class Key(Shown):
    key_id: str
    "Also its `client_id` for OAuth 2.0, whose secret is the key."
    name: str
    scopes: list[str]
    meeting_ids: list[str] | None
    created_at: datetime
    expires_at: datetime | None

    @classmethod
    def of(cls, key: KeyView) -> Key:
        return cls(**_shown(key))


class NewKey(Key):
    key: str
    "Shown this once."

    @classmethod
    def with_secret(cls, made: KeyView, key: str) -> NewKey:
        return cls(**_shown(made), key=key)


def _shown(key: KeyView) -> dict[str, object]:
    only = key.room_ids
    return {
        "key_id": names.shown(fields.KEY, key.id),
        "name": key.name,
        "scopes": list(key.scopes),
        "meeting_ids": None if only is None else [names.shown(fields.MEETING, id) for id in only],
        "created_at": key.created_at,
        "expires_at": key.expires_at,
    }


class Keys(Shown):
    items: list[Key]
    next_cursor: str | None


class RevokedKey(Shown):
    key_id: str
    revoked: Literal[True] = True
