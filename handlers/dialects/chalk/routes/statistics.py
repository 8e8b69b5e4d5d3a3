"""What was measured of rooms. Not in Chalk's own reference."""

from __future__ import annotations

from handlers.auth import May
from handlers.call import Call
from handlers.dialects.chalk.wire import statistics as wire
from handlers.dialects.operation import Table
from handlers.operations import rooms, statistics
from infra.contract.ids import RoomId

TABLE = Table()


@TABLE.add("GET", "/rooms/{room_id}/analytics", tag="rooms", may=May.JOIN, extension=True)
async def get_analytics(call: Call, room_id: RoomId) -> wire.Analytics:
    """Read what was measured of the room.

    Out of its log, its chat, and what media pods measured; nothing is estimated.
    """
    call.require_insider()
    facts = await statistics.facts(call.here, await rooms.get(call, room_id))
    return wire.Analytics.of(facts, only=None if call.who.leads else call.who.participant_id)


@TABLE.add("GET", "/rooms/{room_id}/live-stats", tag="rooms", may=May.JOIN, extension=True)
async def get_live_stats(call: Call, room_id: RoomId) -> wire.LiveStats:
    """Read what passes the room's media pod, over the last seconds."""
    call.require_insider()
    await rooms.get(call, room_id)
    return wire.LiveStats.of(room_id, await statistics.live(call.here, room_id))
