from __future__ import annotations

from datetime import UTC, datetime

import pytest

from handlers.dialects import names
from infra.contract.ids import ParticipantId, RoomId, new_id
from infra.contract.statistics import LinkFigures, LiveFigures
from tests.handlers.chroom.conftest import Chroom

NOON = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)


def link(person: ParticipantId, **measured: float | None) -> LinkFigures:
    figures = {
        "producers": 2,
        "consumers": 4,
        "incoming_bps": 1_000,
        "outgoing_bps": 3_000,
        "rtt_ms": None,
        "loss": None,
        "jitter_ms": None,
        "quality": None,
        **measured,
    }
    return LinkFigures.model_validate({"participant_id": person, **figures})


async def test_nothing_measured_is_null_and_not_a_guess(chroom: Chroom) -> None:
    meeting = (await chroom.meeting())["meeting_id"]

    qos = await chroom.got(f"/analytics/qos?meeting_id={meeting}")
    bandwidth = await chroom.got(f"/analytics/bandwidth?meeting_id={meeting}")

    assert qos == {
        "meeting_id": meeting,
        "measured_at": None,
        "quality": None,
        "rtt_ms": None,
        "packet_loss": None,
        "jitter_ms": None,
        "participants": [],
    }
    assert bandwidth == {
        "meeting_id": meeting,
        "measured_at": None,
        "incoming_bps": None,
        "outgoing_bps": None,
        "participants": [],
    }


async def test_figures_are_those_the_pod_measured(chroom: Chroom) -> None:
    meeting = (await chroom.meeting())["meeting_id"]
    room = names.read(meeting)
    assert room is not None
    ann, bob = ParticipantId(new_id()), ParticipantId(new_id())
    links = (link(ann, rtt_ms=20.0, loss=0.02, jitter_ms=4.0, quality=3), link(bob, rtt_ms=40.0))
    chroom.api.bus.measured[RoomId(room)] = LiveFigures(
        room_id=RoomId(room), epoch=1, at=NOON, links=links
    )

    qos = await chroom.got(f"/analytics/qos?meeting_id={meeting}")
    bandwidth = await chroom.got(f"/analytics/bandwidth?meeting_id={meeting}")

    assert (qos["rtt_ms"], qos["packet_loss"], qos["jitter_ms"]) == (30.0, 0.02, 4.0)
    assert [each["quality"] for each in qos["participants"]] == [3, None]
    assert (bandwidth["incoming_bps"], bandwidth["outgoing_bps"]) == (2_000, 6_000)
    assert bandwidth["participants"][0] == {
        "participant_id": names.shown("participant", ann),
        "incoming_bps": 1_000,
        "outgoing_bps": 3_000,
        "streams_sent": 2,
        "streams_received": 4,
    }


@pytest.mark.parametrize("what", ["qos", "bandwidth"])
async def test_figures_are_of_one_meeting_of_ones_own(chroom: Chroom, what: str) -> None:
    meeting = (await chroom.meeting())["meeting_id"]
    _, other = await chroom.api.tenant()

    answers = [
        await chroom.call("GET", f"/analytics/{what}"),
        await chroom.call("GET", f"/analytics/{what}?meeting_id=abc123"),
        await chroom.call("GET", f"/analytics/{what}?meeting_id={meeting}", token=other),
    ]

    assert [answer.status_code for answer in answers] == [400, 404, 404]
