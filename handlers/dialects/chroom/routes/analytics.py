"""What was measured of a meeting."""

from __future__ import annotations

from functools import partial

from handlers.auth import May
from handlers.call import Call
from handlers.dialects.chroom.wire import analytics as wire
from handlers.dialects.chroom.wire.fields import meeting_id
from handlers.dialects.operation import Table
from handlers.operations import hosting, statistics
from infra.contract.refusals import Reason
from infra.contract.scopes import Scope

TABLE = Table()
see = partial(
    TABLE.add,
    "GET",
    tag="analytics",
    may=May.JOIN,
    refuses=(Reason.ROOM_UNKNOWN, Reason.NOT_A_MEMBER, Reason.HOST_ONLY),
    scope=Scope.ANALYTICS_READ,
    extension=True,
)


@see("/analytics/qos")
async def get_qos(call: Call, query: wire.OfMeeting) -> wire.Qos:
    """Quality of service of a meeting: over all of it, and of everybody's connection now."""
    room = await hosting.as_leader(call, meeting_id(query.meeting_id))
    facts = await statistics.facts(call.here, room)
    return wire.Qos.of(facts, await statistics.live(call.here, room.id))


@see("/analytics/bandwidth")
async def get_bandwidth(call: Call, query: wire.OfMeeting) -> wire.Bandwidth:
    """Bandwidth a meeting uses now, and everybody's share."""
    room = await hosting.as_leader(call, meeting_id(query.meeting_id))
    return wire.Bandwidth.of(room.id, await statistics.live(call.here, room.id))
