"""What happens to rooms because time passes: nobody asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar, cast

import structlog
from sqlalchemy.exc import DBAPIError

from infra.bus import keys
from infra.contract.ids import ConnectionId, ParticipantId, RecordingId, RoomId, TenantId
from infra.contract.refusals import Refused
from infra.contract.views import RoomState
from infra.db import connections, participants, recordings, room_sweeps, rooms, tenants
from infra.db.engine import is_worth_retrying
from infra.db.rooms import LockedRoom
from infra.db.work import Work
from workers import capture, pods
from workers.owners import every
from workers.rooms import end, place, presence, watch
from workers.tools import Tools

AT_ONCE = 200
"Rooms one sweep takes up of a kind; the next sweep goes on."

PRESENCE_KNOWN_S = 8.0
"""Seconds Redis must have been watched before a missing presence means that somebody is gone:
whoever is there says so every 5 s."""

NEW_FOR = timedelta(seconds=10)
"A connection younger than this may not have said for the first time that it is there."

log = structlog.get_logger(__name__)

T = TypeVar("T")
Deed = Callable[[Work, LockedRoom], object]


@every(watch.LOOK_EVERY_S)
def look(tools: Tools) -> None:
    """Keep the watch, and move the rooms of pods that have gone silent."""
    if watch.look(tools.redis, tools.now()) >= place.SILENT_FOR_S:
        move_rooms_of_dead_pods(tools)


@every(5.0)
def keep_limits(tools: Tools) -> None:
    stop_long_recordings(tools)
    end_rooms_of_closed_tenants(tools)
    end_empty_rooms(tools)
    move_missed_series_on(tools)


def move_rooms_of_dead_pods(tools: Tools) -> None:
    """Rooms with people or a recording get another pod; the rest get one when somebody comes."""
    alive = pods.reports(tools.redis)
    if pods.least_loaded(alive) is None:
        return
    well = {pod for pod, report in alive.items() if not report.draining}
    with tools.engine.connect() as connection:
        lost = sorted(room_sweeps.pods_with_rooms(connection) - well)
        found = [room for pod in lost for room in room_sweeps.in_use_on(connection, pod, AT_ONCE)]
    for tenant_id, room_id in found:
        _unit(tools, partial(_move, tools, tenant_id, room_id))


@every(2.0)
def forget_vanished(tools: Tools) -> None:
    """Connections whose participant has not been heard of are gone, and so may be their owner."""
    if watch.since(tools.redis, tools.now()) < PRESENCE_KNOWN_S:
        return
    with tools.engine.connect() as connection:
        known = connections.connected_before(connection, tools.now() - NEW_FOR)
    for some in _batched(known, AT_ONCE):
        with tools.redis.pipeline(transaction=False) as pipe:
            for _, room, seat, _ in some:
                pipe.pttl(keys.presence(room, seat))
            left_ms = cast("list[int]", pipe.execute())
        for (tenant_id, room_id, seat_id, connection_id), left in zip(some, left_ms, strict=True):
            if not _is_present(left):
                heard_at = _heard_at(left, tools.now())
                forget = partial(_forget, seat_id, connection_id, heard_at)
                _each(tools, [(tenant_id, room_id)], forget)


def end_empty_rooms(tools: Tools) -> None:
    """Rooms nobody has been in for longer than their tenant's `empty_room_timeout_minutes`."""
    now = tools.now()
    with tools.engine.connect() as connection:
        timeouts = tenants.empty_room_timeouts(connection)
    for minutes in timeouts:
        since = now - timedelta(minutes=minutes)
        with tools.engine.connect() as connection:
            empty = room_sweeps.empty_for(connection, minutes, since, AT_ONCE)
        _each(tools, empty, partial(_end_if_empty, since))


def move_missed_series_on(tools: Tools) -> None:
    """Series nobody came to this time are about their next occurrence, or over with their last."""
    now = tools.now()
    with tools.engine.connect() as connection:
        missed = room_sweeps.missed(connection, now, now - timedelta(days=1), AT_ONCE)
    for tenant_id, room_id in missed:
        _unit(tools, partial(_lapse, tenant_id, room_id))


def end_rooms_of_closed_tenants(tools: Tools) -> None:
    with tools.engine.connect() as connection:
        orphans = room_sweeps.of_closed_tenants(connection, AT_ONCE)
    _each(tools, orphans, end.end)


def stop_long_recordings(tools: Tools) -> None:
    """Recordings that have run for their tenant's `max_recording_duration_minutes`."""
    now = tools.now()
    with tools.engine.connect() as connection:
        running = recordings.all_running(connection)
    for tenant_id, room_id, recording_id, started_at, minutes in running:
        if started_at + timedelta(minutes=minutes) <= now:
            _each(tools, [(tenant_id, room_id)], partial(_stop, recording_id))


# What was found is looked at again with the room locked: it may have changed meanwhile.


def _move(tools: Tools, tenant_id: TenantId, room_id: RoomId, work: Work) -> None:
    moved = place.place(work, tools, tenant_id, room_id)
    log.info("room moved", room=str(room_id), pod=str(moved.pod_id), epoch=moved.epoch)


def _is_present(left_ms: int) -> bool:
    """What Redis says is left of a presence: -1 for one without end, -2 for one that is not."""
    return left_ms == -1 or left_ms > keys.HEARD_S * 1000


def _heard_at(left_ms: int, now: datetime) -> datetime | None:
    """None: Redis does not know any more."""
    if left_ms < 0:
        return None
    return now - timedelta(seconds=keys.PRESENCE_S + keys.HEARD_S - left_ms / 1000)


def _forget(
    seat_id: ParticipantId,
    connection_id: ConnectionId,
    heard_at: datetime | None,
    work: Work,
    room: LockedRoom,
) -> None:
    seat = participants.get(work.connection, room.tenant_id, room.id, seat_id)
    if seat is not None:
        presence.disconnect(work, room, seat, connection_id, why="vanished", at=heard_at)


def _lapse(tenant_id: TenantId, room_id: RoomId, work: Work) -> None:
    room = rooms.lock(work.connection, tenant_id, room_id)
    if room is None or room.state is not RoomState.SCHEDULED or room.starts_at is None:
        return
    over_at = room.ends_at or room.starts_at + timedelta(days=1)
    if over_at <= work.now:
        end.lapse(work, room)


def _end_if_empty(since: datetime, work: Work, room: LockedRoom) -> None:
    if room.empty_since is not None and room.empty_since <= since:
        end.end(work, room)


def _stop(recording_id: RecordingId, work: Work, room: LockedRoom) -> None:
    running = recordings.running(work.connection, room.tenant_id, room.id)
    if running is not None and running.id == recording_id:
        capture.stop(work, room)


def _each(tools: Tools, found: Iterable[tuple[TenantId, RoomId]], deed: Deed) -> None:
    """Do it to each room that is live still, each in a transaction of its own."""
    for tenant_id, room_id in found:
        _unit(tools, partial(_to_live, tenant_id, room_id, deed))


def _to_live(tenant_id: TenantId, room_id: RoomId, deed: Deed, work: Work) -> None:
    room = rooms.lock(work.connection, tenant_id, room_id)
    if room is not None and room.state is RoomState.LIVE:
        deed(work, room)


def _unit(tools: Tools, deed: Callable[[Work], object]) -> None:
    """One room's trouble is not the others': what cannot be done now is found again next time."""
    try:
        with tools.begin() as work:
            deed(work)
    except Refused as no:
        log.info("sweep refused", reason=no.refusal.reason.value)
    except DBAPIError as error:
        if not is_worth_retrying(error):
            raise
        log.info("sweep met a conflict", error=type(error.orig).__name__)


def _batched(items: list[T], size: int) -> Iterator[list[T]]:
    return (items[first : first + size] for first in range(0, len(items), size))
