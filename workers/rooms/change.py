"""Changing rooms: what they are called, how they are held, when, and who is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from infra.contract.commands import Invitee, UpdateRoom
from infra.contract.live import Source
from infra.contract.refusals import Reason, refuse
from infra.contract.views import RoomConfig, RoomKind, RoomView
from infra.db import participants, rooms
from infra.db.rooms import LockedRoom
from infra.db.work import Work
from workers import capture, pods
from workers.fields import merged
from workers.owners import owns
from workers.rooms import admission, door, guests, people, plan, post, show
from workers.rooms.end import require_version
from workers.tools import Tools

_AS_THEY_ARE = (
    *("name", "description", "location", "is_active"),
    *("starts_at", "ends_at", "recurrence"),
)
_WORTH_WRITING = frozenset({"name", "location", "starts_at", "ends_at", "recurrence"})
"What those who were asked by e-mail are written to about."


@owns(UpdateRoom)
def update_room(command: UpdateRoom, work: Work, tools: Tools) -> RoomView:
    """A start or a rule that changes begins the series anew."""
    room = show.lock(work, command.tenant_id, command.room_id)
    require_version(room, command.if_version)
    before = show.seen(work, room)
    changes = _changes(command, room)
    asks = command.invitees is not None and _ask(work, room, command.invitees)
    if not changes and not asks:
        return before
    rooms.change(work.connection, room, work.now, **changes)
    view = show.announce(work, room, "room.updated")
    if "config" in changes:
        locked = show.lock(work, room.tenant_id, room.id)
        _let_in(work, locked)
        _switch_off(work, tools, locked, before.config)
    if any(getattr(view, name) != getattr(before, name) for name in _WORTH_WRITING):
        post.tell_changed(work, view)
    return show.seen(work, room)


def _changes(command: UpdateRoom, room: LockedRoom) -> dict[str, Any]:
    """Columns to set. Refuses BAD_TIMES, BAD_RECURRENCE, MALFORMED."""
    changes = {
        name: value for name in _AS_THEY_ARE if (value := getattr(command, name)) is not None
    }
    if command.config is not None:
        changes["config"] = merged(room.config, command.config).model_dump(mode="json")
    if command.metadata is not None:
        changes["meta"] = command.metadata
    starts_at = command.starts_at or room.starts_at
    if command.starts_at is not None or command.ends_at is not None:
        plan.require_times(starts_at, command.ends_at or room.ends_at)
    rule = command.recurrence or room.recurrence
    if rule is not None and (command.recurrence is not None or command.starts_at is not None):
        if room.kind is RoomKind.INSTANT:
            raise refuse(Reason.BAD_RECURRENCE, "an instant room takes place once")
        plan.require_series(rule, starts_at)
        changes |= {"kind": RoomKind.RECURRING.value, "series_starts_at": starts_at}
    return changes


def _switch_off(work: Work, tools: Tools, room: LockedRoom, before: RoomConfig) -> None:
    """What the locked room goes without from now on stops where it is under way."""
    now = room.config
    off: set[Source] = set()
    if before.audio_enabled and not now.audio_enabled:
        off.add("microphone")
    if before.video_enabled and not now.video_enabled:
        off.add("camera")
    if before.screen_sharing_enabled and not now.screen_sharing_enabled:
        off |= pods.SCREEN
    if off:
        pods.mute(work, tools.redis, room, off)
    if before.recording_enabled and not now.recording_enabled:
        capture.stop(work, room)


def _ask(work: Work, room: LockedRoom, invitees: Sequence[Invitee]) -> bool:
    """Have these people invited, and nobody else. False: they were, and nobody else was."""
    kept = guests.keep_seats(work, room.tenant_id, room.id, invitees)
    wanted = {seat.id for seat in kept.seats}
    unwanted = [
        seat
        for seat in participants.standing(work.connection, room.tenant_id, room.id)
        if seat.invited_at is not None
        and seat.id not in wanted
        and not seat.is_present
        and (seat.external_user_id or seat.email)
        and (room.creator_id is None or seat.external_user_id != room.creator_id)
    ]
    people.take_away_absent(work, room, unwanted)
    return bool(kept.invited or unwanted)


def _let_in(work: Work, room: LockedRoom) -> None:
    """Nobody waits any longer who by the rules of now would not have to."""
    for seat in participants.waiting(work.connection, room.tenant_id, room.id):
        if admission.passes(room, seat):
            door.admit(work, room, seat)
