"""What may be done with rooms, and what was said and seen in them."""

from __future__ import annotations

from typing import Any

from handlers.call import Call
from handlers.operations.eyes import Reader
from infra.contract.commands import CreateRoom, DeleteRoom, EndRoom, UpdateRoom
from infra.contract.events import RoomEvent
from infra.contract.ids import MessageId, RoomId, new_id
from infra.contract.refusals import Reason, refuse
from infra.contract.views import ChatMessageView, RoomConfig, RoomView
from infra.db import chat as messages
from infra.db import events as log
from infra.db import rooms


async def create(
    call: Call, *, name: str | None, config: RoomConfig, metadata: dict[str, Any], **plan: Any
) -> RoomView:
    """`plan` as `CreateRoom` has it; without one the room is live at once."""
    # Somebody confined to some rooms makes no others.
    if call.who.confined:
        raise refuse(Reason.NOT_ALLOWED)
    return await call.ask(
        CreateRoom(
            room_id=RoomId(new_id()),
            tenant_id=call.tenant_id,
            name=name,
            config=config,
            metadata=metadata,
            creator_id=call.who.user_id,
            **plan,
        )
    )


async def page(call: Call, limit: int, offset: int) -> tuple[list[RoomView], int]:
    """Live rooms this principal sees, newest first, and how many there are."""
    if call.who.room_id is None:
        return await call.here.reader.read(rooms.page, call.tenant_id, limit, offset)
    only = await call.here.reader.read(rooms.get, call.tenant_id, call.who.room_id)
    found = [only] if only is not None else []
    return found[offset : offset + limit], len(found)


async def get(call: Call, room_id: RoomId) -> RoomView:
    room = await call.here.seen.room(call.tenant_id, call.in_room(room_id))
    if room is None:
        raise refuse(Reason.ROOM_UNKNOWN)
    return room


async def find(call: Call, room: str) -> RoomView:
    """By id, else by name."""
    found = await call.here.reader.read(rooms.find, call.tenant_id, room)
    if found is None or not call.who.sees(found.id):
        raise refuse(Reason.ROOM_UNKNOWN)
    return found


async def update(call: Call, room_id: RoomId, **fields: Any) -> RoomView:
    return await call.ask(
        UpdateRoom(
            tenant_id=call.tenant_id,
            room_id=call.in_room(room_id),
            if_version=call.if_version,
            **fields,
        )
    )


async def end(call: Call, room_id: RoomId) -> RoomView:
    return await call.ask(EndRoom(tenant_id=call.tenant_id, room_id=call.in_room(room_id)))


async def delete(call: Call, room_id: RoomId) -> None:
    await call.ask(
        DeleteRoom(
            tenant_id=call.tenant_id, room_id=call.in_room(room_id), if_version=call.if_version
        )
    )


async def events(call: Call, room_id: RoomId, after_seq: int, limit: int) -> list[RoomEvent]:
    """The room's log after `after_seq`, in order, without what is for others' eyes. Fewer than
    `limit` are all there are."""
    call.require_insider()
    await get(call, room_id)
    reader = Reader(call.who.participant_id, call.who.leads)
    found: list[RoomEvent] = []
    while True:
        page = await call.here.reader.read(log.since, call.tenant_id, room_id, after_seq, limit)
        found += [seen for news in page if (seen := reader.see(news)) is not None]
        if len(page) < limit or len(found) >= limit:
            return found[:limit]
        after_seq = page[-1].seq


async def chat(
    call: Call, room_id: RoomId, limit: int, before: MessageId | None
) -> list[ChatMessageView]:
    """The last messages for this principal's eyes before the one named, in the order they were
    sent."""
    call.require_insider()
    await get(call, room_id)
    return await call.here.reader.read(
        messages.visible,
        call.tenant_id,
        room_id,
        call.who.participant_id,
        call.who.leads,
        limit,
        before,
    )
