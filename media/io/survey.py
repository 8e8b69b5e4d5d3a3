"""All of a pod's rooms measured together, and the machine they run on."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from infra.contract.ids import RoomId
from infra.contract.statistics import LiveFigures
from media.io.held import HeldRoom
from media.io.machine import Load


class Survey:
    def __init__(self, machine: Callable[[], Load]) -> None:
        self.load = Load(None, None)
        self.incoming_bps = self.outgoing_bps = 0
        "Of all rooms, during the last seconds."
        self._machine = machine

    async def take(self, rooms: Mapping[RoomId, HeldRoom]) -> list[LiveFigures]:
        """To be called every second. Rooms may come and go meanwhile."""
        self.load = self._machine()
        measured: list[LiveFigures] = []
        for room_id, room in list(rooms.items()):
            if rooms.get(room_id) is room:
                measured.append(await room.measure())
        self.incoming_bps = sum(each.incoming_bps for each in measured)
        self.outgoing_bps = sum(each.outgoing_bps for each in measured)
        return measured
