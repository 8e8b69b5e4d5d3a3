"""What was measured, as handlers read it and Chalk shows it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from handlers.operations import statistics
from infra.contract.commands import EnterRoom
from infra.contract.ids import ConnectionId, ParticipantId, RoomId, TenantId, TrackId, new_id
from infra.contract.statistics import LinkFigures, LiveFigures, MediaStatus
from infra.contract.views import TrackView
from tests.support.api import Api


def link(who: str, **more: Any) -> LinkFigures:
    measured = {
        "producers": 2,
        "consumers": 1,
        "incoming_bps": 1000,
        "outgoing_bps": 500,
        "rtt_ms": None,
        "loss": 0.01,
        "jitter_ms": 3.0,
        "quality": 4,
        **more,
    }
    return LinkFigures(participant_id=ParticipantId(UUID(who)), **measured)


def measure(api: Api, room: str, *links: LinkFigures) -> None:
    room_id = RoomId(UUID(room))
    api.bus.measured[room_id] = LiveFigures(
        room_id=room_id, epoch=1, at=datetime.now(UTC), links=links
    )


def track(who: str, source: Any, **more: Any) -> TrackView:
    kind: Any = "audio" if source == "microphone" else "video"
    return TrackView(
        track_id=TrackId(new_id()),
        participant_id=ParticipantId(UUID(who)),
        kind=kind,
        source=source,
        **more,
    )


async def enter(api: Api, room: str, bundle: Any) -> None:
    await api.bus.ask(
        EnterRoom(
            tenant_id=TenantId(UUID(api.tenant_id)),
            room_id=RoomId(UUID(room)),
            participant_id=ParticipantId(UUID(bundle["participant"]["id"])),
            connection_id=ConnectionId(new_id()),
        )
    )


async def test_a_room_nobody_came_to_has_nothing_to_show(api: Api) -> None:
    room = await api.room()

    told = await api.got(f"/rooms/{room}/analytics")

    assert told.pop("live_seconds") >= 0
    assert told == {
        "room_id": room,
        "peak_participants": 0,
        "participants_joined": 0,
        "connection_quality_avg": None,
        "chat_messages": 0,
        "screen_shares": 0,
        "participants": [],
    }


async def test_live_figures_are_shown_while_a_pod_says_them(api: Api) -> None:
    room = await api.room()
    nothing = await api.got(f"/rooms/{room}/live-stats")
    assert (nothing["at"], nothing["producers"], nothing["participants"]) == (None, 0, [])

    ann, ben = str(new_id()), str(new_id())
    measure(api, room, link(ann), link(ben, producers=0, quality=None))
    told = await api.got(f"/rooms/{room}/live-stats")

    assert (told["producers"], told["consumers"]) == (2, 2)
    assert (told["incoming_bps"], told["outgoing_bps"]) == (2000, 1000)
    assert told["participants"][0] == {
        "participant_id": ann,
        "producers": 2,
        "consumers": 1,
        "incoming_bps": 1000,
        "outgoing_bps": 500,
        "rtt_ms": None,
        "packet_loss_rate": 0.01,
        "jitter_ms": 3.0,
        "is_speaking": False,
        "connection_quality": 4,
    }


async def test_who_does_not_lead_sees_their_own_row_only(api: Api) -> None:
    room = await api.room()
    bundles = [await api.seat(room, "Ann", "host"), await api.seat(room, "Ben")]
    for bundle in bundles:
        await enter(api, room, bundle)

    ann, ben = [
        await api.got(f"/rooms/{room}/analytics", token=bundle["auth_token"]) for bundle in bundles
    ]

    assert [person["display_name"] for person in ann["participants"]] == ["Ann", "Ben"]
    assert [person["display_name"] for person in ben["participants"]] == ["Ben"]
    assert ann["peak_participants"] == ben["peak_participants"] == 2


@pytest.mark.parametrize("what", ["analytics", "live-stats"])
async def test_another_tenants_room_is_unknown(api: Api, what: str) -> None:
    room = await api.room()
    _, other = await api.tenant()

    answer = await api.call("GET", f"/rooms/{room}/{what}", key=other)

    assert answer.status_code == 404


async def test_the_log_is_read_on_from_where_it_was_read_to(api: Api) -> None:
    """The second look sees what came since, and nothing twice."""
    room = await api.room()
    seen = []
    for name in ("Ann", "Ben", "Cat"):
        bundle = await api.seat(room, name)
        await enter(api, room, bundle)
        seen.append((await api.got(f"/rooms/{room}/analytics"))["peak_participants"])

    assert seen == [1, 2, 3]


async def test_media_status_is_of_those_who_publish(api: Api) -> None:
    room = RoomId(UUID(await api.room()))
    ann, ben = str(new_id()), str(new_id())
    api.bus.published[room] = (
        track(ann, "microphone"),
        track(ann, "camera", muted=True),
        track(ann, "screen"),
        track(ben, "microphone", muted=True, muted_by_host=True),
        track(ben, "camera"),
    )
    measure(api, str(room), link(ann, speaking=True), link(ben))

    status = await statistics.media_status(api.lobby.context, room)

    assert status == {
        ParticipantId(UUID(ann)): MediaStatus(
            audio_enabled=True, screen_sharing=True, is_speaking=True
        ),
        ParticipantId(UUID(ben)): MediaStatus(video_enabled=True, is_muted_by_host=True),
    }


async def test_system_figures_are_means_of_what_was_measured(api: Api) -> None:
    rooms = [await api.room(), await api.room(), await api.room()]
    measure(api, rooms[0], link(str(new_id())), link(str(new_id())))
    measure(api, rooms[1], link(str(new_id())))
    await api.call("POST", f"/rooms/{rooms[2]}/end")
    measure(api, rooms[2], link(str(new_id()), incoming_bps=10**9))
    one, two, _ = api.bus.pod(), api.bus.pod(), api.bus.pod()
    for pod, cpu in ((one, 30.0), (two, 50.0)):
        # Rooms of other tenants are nobody else's business.
        report = api.bus.reports[pod].model_copy(update={"cpu_percent": cpu, "rooms": 70})
        api.bus.reports[pod] = report

    told = await statistics.system(api.lobby.context, TenantId(UUID(api.tenant_id)))

    assert (told.meetings, told.active_meetings, told.participants_online) == (3, 2, 0)
    assert (told.pods, told.rooms_held) == (3, 2)
    assert told.bitrate_bps == (3000 + 1500) / 2
    assert (told.cpu_percent, told.memory_percent, told.quality) == (40.0, None, None)
