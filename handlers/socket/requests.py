"""How a client's requests are found: one function a request, by the frame's event.

The functions are in `media_requests.py` and `room_requests.py`; `session.py` imports both.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from handlers.context import Context
from handlers.operations.eyes import Reader
from handlers.socket.admission import Guest
from handlers.socket.wire import Said
from infra.contract.ids import ConnectionId
from infra.contract.permissions import OF_ROLE, Permission
from infra.contract.refusals import Reason, refuse
from infra.contract.views import ParticipantView, Role, RoomConfig

Lane = Literal["media", "room"]
"Requests of one lane are carried out in the order they came; a slow one does not hold the other."


@dataclass
class Desk:
    """What a request may reach: the client it came from, and the answer on its way there."""

    here: Context
    guest: Guest
    you: ParticipantView
    "The client's seat, as it is now."
    config: RoomConfig
    "The room's, as it is now."
    say: Callable[[Said], None]
    show_room: Callable[[], Awaitable[None]]
    "Send the room as it stands now."
    media: set[ConnectionId] = field(default_factory=set)
    "Connections negotiated on this socket."
    hand_raised: bool = False

    @property
    def leads(self) -> bool:
        return self.you.role.leads

    @property
    def reader(self) -> Reader:
        return Reader(self.you.id, self.leads)

    def require_host(self) -> None:
        if not self.leads:
            raise refuse(Reason.HOST_ONLY)

    def require(self, permission: Permission) -> None:
        """Refuses who does not have it: HOST_ONLY where it is the hosts', else NOT_ALLOWED."""
        if not self.you.may(permission):
            raise refuse(
                Reason.NOT_ALLOWED
                if self.leads or permission in OF_ROLE[Role.PRESENTER]
                else Reason.HOST_ONLY
            )


class Body(BaseModel):
    """Data of a request. Fields we do not know are a newer client's, and do no harm."""

    model_config = ConfigDict(frozen=True, extra="ignore")


B = TypeVar("B", bound=Body)
Carry = Callable[[Desk, Any], Awaitable[Said | None]]


@dataclass(frozen=True, slots=True)
class Request:
    body: type[Body]
    carry: Carry
    lane: Lane


REQUESTS: dict[str, Request] = {}


def carries(
    name: str, body: type[B], lane: Lane = "room"
) -> Callable[
    [Callable[[Desk, B], Awaitable[Said | None]]], Callable[[Desk, B], Awaitable[Said | None]]
]:
    """The function is what `name` does. It answers with an event, or None: done."""

    def enter(
        function: Callable[[Desk, B], Awaitable[Said | None]],
    ) -> Callable[[Desk, B], Awaitable[Said | None]]:
        REQUESTS[name] = Request(body, function, lane)
        return function

    return enter
