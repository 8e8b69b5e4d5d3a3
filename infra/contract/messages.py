"""What every message is: frozen, typed, closed to unknown fields."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from infra.contract.ids import CommandId, PodId, RoomId


class Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Reply(Message):
    """What an owner answers when it did what it was asked."""


class Done(Reply):
    """There is nothing more to say than that it is done."""


R = TypeVar("R", bound=Reply)


def _reply_of(order: type[BaseModel], origins: tuple[type, ...]) -> type[Reply]:
    for base in order.__mro__:
        generic = getattr(base, "__pydantic_generic_metadata__", {})
        if generic.get("origin") in origins and generic["args"]:
            reply: type[Reply] = generic["args"][0]
            return reply
    raise TypeError(f"{order.__name__} does not say what it is answered with")


class Command(Message, Generic[R]):
    """A durable order: goes through Dramatiq to its owner, which commits and replies."""

    queue: ClassVar[str] = "commands"
    kind: str

    @property
    def touches(self) -> RoomId | None:
        """The room of which something may be changed by this."""
        return getattr(self, "room_id", None)

    @classmethod
    def reply_type(cls) -> type[R]:
        return _reply_of(cls, (Command,))  # type: ignore[return-value]


class LiveCommand(Message, Generic[R]):
    """An order for the pod that holds a room now. It changes packets, not rows."""

    kind: str
    room_id: RoomId
    epoch: int
    "The tenure the sender believes in; a pod that holds the room under another one refuses."
    version: int = 0
    """Number of the room's last order when this was decided, which only grows: orders may be sent
    late, and what was decided before undoes nothing that was decided after. 0: not said."""

    @classmethod
    def reply_type(cls) -> type[R]:
        return _reply_of(cls, (LiveCommand,))  # type: ignore[return-value]


class Envelope(Message):
    """A command on its way: who waits for the answer, and what makes a retry the same command."""

    command_id: CommandId
    kind: str
    body: dict[str, Any]
    reply_to: str | None = None
    "Redis list the outcome is pushed to; None when nobody waits."
    body_sha256: str | None = None
    "Digest of what the client sent under its `Idempotency-Key`; None without a key."
    not_after: datetime | None = None
    "Nobody waits any more after this. The owner may still carry it out."
    request_id: str | None = None


class Outcome(Message):
    """How a command ended: exactly one of `reply` and `refusal`, or neither when it broke."""

    command_id: CommandId
    reply: dict[str, Any] | None = None
    refusal: dict[str, Any] | None = None
    error: str | None = None
    "The class of the exception when the owner broke; its words stay in the log."


class Placement(Reply):
    """Where a room is held now."""

    room_id: RoomId
    pod_id: PodId
    epoch: int
    version: int = 0
    "Number of the room's last order when it was looked at; goes into the orders made of this."


def kinds(root: type[Message]) -> dict[str, type[Any]]:
    """Every concrete message below `root` by its `kind`."""
    found: dict[str, type[Any]] = {}
    waiting = list(root.__subclasses__())
    while waiting:
        order = waiting.pop()
        waiting.extend(order.__subclasses__())
        kind = order.model_fields["kind"].default
        if isinstance(kind, str) and found.setdefault(kind, order) is not order:
            raise TypeError(f"{kind} is said by {order.__name__} and {found[kind].__name__}")
    return found
