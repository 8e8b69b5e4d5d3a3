from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.operations.eyes import Reader
from infra.contract.events import RoomEvent
from infra.contract.ids import ParticipantId, RoomId, TenantId, new_id

ANN, BOB, CEM = (ParticipantId(new_id()) for _ in range(3))
TESS = ParticipantId(new_id())
READERS = {
    "ann": Reader(ANN, leads=False),
    "bob": Reader(BOB, leads=False),
    "cem": Reader(CEM, leads=False),
    "tess": Reader(TESS, leads=True),
    "key": Reader(None, leads=True),
    "user": Reader(None, leads=False),
}


def news(kind: str, **data: Any) -> RoomEvent:
    return RoomEvent(
        room_id=RoomId(new_id()),
        tenant_id=TenantId(new_id()),
        seq=1,
        kind=kind,
        at=datetime(2030, 5, 1, tzinfo=UTC),
        data=data,
    )


def message(**more: Any) -> dict[str, Any]:
    return {"participant_id": str(ANN), "text": "hello", "recipient_id": None, **more}


def anns(**more: Any) -> dict[str, Any]:
    return {"participant": {"id": str(ANN), "email": "a@b.example", "phone": "1"}, **more}


EVERYBODY = set(READERS)
HOSTS = {"tess", "key"}


@pytest.mark.parametrize(
    ("told", "seen_by"),
    [
        (news("room.updated", room={}), EVERYBODY),
        (news("chat.message", message=message(to="all")), EVERYBODY),
        # Written by an owner of before, who knew no other.
        (news("chat.message", message=message()), EVERYBODY),
        (
            news("chat.message", message=message(to="private", recipient_id=str(BOB))),
            {"ann", "bob"},
        ),
        (news("chat.message", message=message(to="host")), {"ann", *HOSTS}),
        (news("participant.joined", **anns()), EVERYBODY),
        (news("participant.waiting", **anns()), {"ann", *HOSTS}),
        (news("participant.admitted", **anns()), {"ann", *HOSTS}),
        (news("participant.denied", **anns(reason="no")), {"ann", *HOSTS}),
        (news("participant.invited", **anns(notify=True)), EVERYBODY),
        (news("participant.invited", **anns(notify=False)), HOSTS),
        (
            news("participant.updated", **anns(notify=False, notify_participant=True)),
            {"ann", *HOSTS},
        ),
        (
            news("participant.updated", **anns(notify=True, notify_participant=False)),
            EVERYBODY - {"ann"},
        ),
        (news("participant.removed", **anns(notify=True, notify_removed=True)), EVERYBODY),
        (
            news("participant.removed", **anns(notify=True, notify_removed=False)),
            EVERYBODY - {"ann"},
        ),
        (news("participant.removed", **anns(notify=False, notify_removed=True)), {"ann", *HOSTS}),
    ],
)
def test_events_are_seen_by_those_they_are_for(told: RoomEvent, seen_by: set[str]) -> None:
    assert {name for name, reader in READERS.items() if reader.see(told)} == seen_by


def test_addresses_are_for_hosts_and_their_owners() -> None:
    told = news("participant.joined", **anns())

    def shown(name: str) -> set[str]:
        seen = READERS[name].see(told)
        return set(seen.data["participant"]) if seen else set()

    assert shown("ann") == shown("tess") == shown("key") == {"id", "email", "phone"}
    assert shown("bob") == shown("user") == {"id"}
    assert told.data == anns()
