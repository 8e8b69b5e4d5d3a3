"""One request on its way through an operation."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from handlers.auth import Principal
from handlers.context import Context
from handlers.tokens import Birth
from infra.contract.commands import Actor
from infra.contract.ids import CommandId, RoomId, TenantId, command_id_for
from infra.contract.messages import Command, Reply
from infra.contract.refusals import Reason, refuse

R = TypeVar("R", bound=Reply)


@dataclass(frozen=True, slots=True)
class Retry:
    """An `Idempotency-Key`, and what came with it."""

    route: str
    key: str
    body_sha256: str
    "Hex digest of the body."

    def command_of(self, subject: str) -> CommandId:
        """The id of the one command that this subject means by this key."""
        return command_id_for(subject, self.route, self.key)


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of somebody who need not say who they are."""

    here: Context
    request_id: str
    address: str | None
    retry: Retry | None = field(default=None, kw_only=True)
    "None: without an `Idempotency-Key`."


@dataclass(frozen=True, slots=True)
class Call(Visit):
    """A request of somebody known."""

    who: Principal
    command_id: CommandId
    "Of the one command this request asks; a retry under its `Idempotency-Key` has the same."
    body_sha256: str | None = None
    "Hex digest of the body; None without an `Idempotency-Key`."
    if_match: str | None = None
    "The entity tag the caller last saw; None: they do not mind what changed since."

    @property
    def tenant_id(self) -> TenantId:
        return self.who.owner

    @property
    def actor(self) -> Actor:
        return self.who.actor(self.address)

    def born(self, decided_at: datetime | None) -> Birth | None:
        """What tokens come from that this request gives out, once its command was decided."""
        return Birth(self.command_id, decided_at) if decided_at else None

    async def ask(self, command: Command[R]) -> R:
        return await self.here.bus.ask(
            command,
            command_id=self.command_id,
            body_sha256=self.body_sha256,
            request_id=self.request_id,
        )

    @property
    def if_version(self) -> int | None:
        """The version an `If-Match` names. Raises PRECONDITION_FAILED for a tag that is none."""
        if self.if_match is None:
            return None
        if not self.if_match.isdecimal() or len(self.if_match) > 18:
            raise refuse(Reason.PRECONDITION_FAILED)
        return int(self.if_match)

    def require_insider(self) -> None:
        """What was said and recorded in rooms is for hosts, and for whoever is confined to the one
        room they ask about. Raises `Refused` NOT_ALLOWED for a tenant's other users."""
        if self.who.room_id is None and not self.who.leads:
            raise refuse(Reason.NOT_ALLOWED)

    def in_room(self, room_id: RoomId) -> RoomId:
        """Raises `Refused` ROOM_UNKNOWN when this principal does not see the room."""
        if not self.who.sees(room_id):
            raise refuse(Reason.ROOM_UNKNOWN)
        return room_id
