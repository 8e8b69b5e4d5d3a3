"""Whatever happens in whatever order, a room's rows and its log say what a simple model says."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from infra.contract.commands import (
    AddParticipant,
    EndRoom,
    LeaveSeat,
    RemoveParticipant,
    SendChat,
)
from infra.contract.ids import ConnectionId, MessageId, ParticipantId, new_id
from infra.contract.refusals import Reason
from infra.contract.views import RoomState, RoomView, TenantConfig, TenantView
from infra.db import participants, recordings
from infra.db.participants import SEAT_HELD_FOR
from tests.support.house import House, entering, joining, leaving
from workers.rooms import reap

PLACES = 3


@dataclass
class Sitter:
    given_at: float
    is_awaited: bool = True
    "Until it is used, or the session it was given for ends."
    connections: set[ConnectionId] = field(default_factory=set)
    is_removed: bool = False

    @property
    def is_present(self) -> bool:
        return bool(self.connections)


class Model:
    """One room of a tenant that records everything, in plain Python."""

    def __init__(self) -> None:
        self.seats: dict[ParticipantId, Sitter] = {}
        self.is_live = True
        self.is_recording = False
        self.clock = 0.0
        self.log: list[tuple[str, ParticipantId | None]] = []

    def others_taken(self, but: ParticipantId | None) -> int:
        held = SEAT_HELD_FOR.total_seconds()
        return sum(
            seat.is_present
            or (seat.is_awaited and not seat.is_removed and self.clock < seat.given_at + held)
            for id_, seat in self.seats.items()
            if id_ != but
        )

    def add(self, seat: ParticipantId) -> Reason | None:
        if self.others_taken(None) >= PLACES:
            # A refusal leaves nothing: a room that had ended stays so.
            return Reason.ROOM_FULL
        if not self.is_live:
            self.is_live = True
            self.log.append(("room.started", None))
        self.seats[seat] = Sitter(self.clock)
        return None

    def enter(self, id_: ParticipantId, connection: ConnectionId) -> Reason | None:
        seat = self.seats[id_]
        if not self.is_live:
            return Reason.ROOM_NOT_ACTIVE
        if seat.is_removed:
            return Reason.PARTICIPANT_UNKNOWN
        if not seat.is_present:
            if self.others_taken(id_) >= PLACES:
                return Reason.ROOM_FULL
            self.log.append(("participant.joined", id_))
            seat.is_awaited = False
            if not self.is_recording:
                self.is_recording = True
                self.log.append(("recording.started", None))
        seat.connections.add(connection)
        return None

    def drop(self, id_: ParticipantId, connections: set[ConnectionId]) -> None:
        seat = self.seats[id_]
        if seat.is_present:
            seat.connections -= connections
            if not seat.is_present:
                self.log.append(("participant.left", id_))

    def end(self) -> Reason | None:
        if not self.is_live:
            return Reason.ROOM_ALREADY_ENDED
        if self.is_recording:
            self.is_recording = False
            self.log.append(("recording.stopped", None))
        for id_ in sorted(self.seats):
            self.drop(id_, set(self.seats[id_].connections))
            self.seats[id_].is_awaited = False
        self.is_live = False
        self.log.append(("room.ended", None))
        return None

    def remove(self, id_: ParticipantId) -> Reason | None:
        seat = self.seats[id_]
        if seat.is_removed:
            return Reason.PARTICIPANT_UNKNOWN
        self.drop(id_, set(seat.connections))
        seat.is_removed = True
        return None


class Histories(RuleBasedStateMachine):
    house: House
    "Set by the test: one database for all the histories, a room of its own for each."

    seats = Bundle("seats")
    connections = Bundle("connections")

    @initialize()
    def open(self) -> None:
        self.tenant: TenantView = self.house.tenant(TenantConfig(force_recording=True))
        self.room: RoomView = self.house.room(self.tenant, max_participants=PLACES)
        self.model = Model()

    @rule(target=seats)
    def add(self) -> object:
        command: AddParticipant = joining(self.tenant.id, str(self.room.id))
        seat = command.seat.participant_id

        refused = self.model.add(seat)

        assert self.house.refusal(command) is refused
        return multiple() if refused else seat

    @rule(target=connections, seat=seats)
    def enter_newly(self, seat: ParticipantId) -> object:
        return self.enter(seat)

    def enter(self, seat: ParticipantId) -> object:
        connection = ConnectionId(new_id())

        refused = self.model.enter(seat, connection)

        assert self.house.refusal(entering(self.room, seat, connection)) is refused
        return multiple() if refused else (seat, connection)

    @rule(entered=connections)
    def enter_again(self, entered: tuple[ParticipantId, ConnectionId]) -> None:
        refused = self.model.enter(*entered)

        assert self.house.refusal(entering(self.room, *entered)) is refused

    @rule(target=connections, entered=connections)
    def enter_elsewhere(self, entered: tuple[ParticipantId, ConnectionId]) -> object:
        return self.enter(entered[0])

    @rule(entered=connections)
    def leave(self, entered: tuple[ParticipantId, ConnectionId]) -> None:
        seat, connection = entered

        self.model.drop(seat, {connection})

        self.house.do(leaving(self.room, seat, connection))

    @rule(seat=seats)
    def vanish(self, seat: ParticipantId) -> None:
        """Nobody but this one is heard of any more than a sweep ago."""
        self.house.redis.flushall()
        for other, sitter in self.model.seats.items():
            if sitter.is_present and other != seat:
                self.house.touch(self.room, other)
        reap.look(self.house.tools)
        self.pass_time(30)
        if self.model.is_live:
            self.model.drop(seat, set(self.model.seats[seat].connections))

        reap.forget_vanished(self.house.tools)

    @rule(seat=seats)
    def remove(self, seat: ParticipantId) -> None:
        refused = self.model.remove(seat)

        command = RemoveParticipant(
            tenant_id=self.tenant.id, room_id=self.room.id, participant_id=seat
        )
        assert self.house.refusal(command) is refused

    @rule(seat=seats)
    def quit(self, seat: ParticipantId) -> None:
        refused = Reason.PARTICIPANT_UNKNOWN if self.model.seats[seat].is_removed else None
        if self.model.is_live:
            self.model.drop(seat, set(self.model.seats[seat].connections))

        command = LeaveSeat(tenant_id=self.tenant.id, room_id=self.room.id, participant_id=seat)
        assert self.house.refusal(command) is refused

    @rule(seat=seats)
    def say(self, seat: ParticipantId) -> None:
        if self.model.seats[seat].is_removed or not self.model.is_live:
            return
        self.model.log.append(("chat.message", seat))

        self.house.do(
            SendChat(
                tenant_id=self.tenant.id,
                room_id=self.room.id,
                message_id=MessageId(new_id()),
                participant_id=seat,
                text="hello",
            )
        )

    @rule()
    def end(self) -> None:
        refused = self.model.end()

        command = EndRoom(tenant_id=self.tenant.id, room_id=self.room.id)
        assert self.house.refusal(command) is refused

    @rule(seconds=st.sampled_from([1, 60, 130]))
    def pass_time(self, seconds: int) -> None:
        self.house.wait(seconds=seconds)
        self.model.clock += seconds

    @invariant()
    def rows_and_log_say_the_same(self) -> None:
        log = self.house.log(self.room)
        assert [event.seq for event in log] == list(range(1, len(log) + 1))
        assert [event.kind for event in log] == [kind for kind, _ in self.model.log]
        for event, (kind, who) in zip(log, self.model.log, strict=True):
            if kind.startswith("participant."):
                assert event.data["participant"]["id"] == str(who)

        room = self.house.seen(self.room)
        assert (room.state is RoomState.LIVE) is self.model.is_live
        assert room.seq == len(log)
        expected = [id_ for id_, seat in self.model.seats.items() if seat.is_present]
        with self.house.engine.connect() as connection:
            there = participants.in_room(connection, self.tenant.id, self.room.id, active=True)
            running = recordings.running(connection, self.tenant.id, self.room.id)
        assert [seat.id for seat in there] == sorted(expected)
        assert room.participant_count == len(expected)
        assert (running is not None) is self.model.is_recording


def test_every_history_ends_as_the_model_says(house: House) -> None:
    Histories.house = house

    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            database=None,
            # A history is readable as it is; making it shorter takes minutes.
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
