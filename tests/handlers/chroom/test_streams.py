from __future__ import annotations

from typing import Any

import pytest

from handlers.dialects import names
from infra.contract.ids import ParticipantId, RoomId, TrackId, new_id
from infra.contract.live import CloseTrack, MuteTrack
from infra.contract.messages import Done
from infra.contract.views import TrackView
from tests.handlers.chroom.conftest import Chroom


@pytest.fixture
async def live(chroom: Chroom) -> Any:
    """A live meeting held by a pod, with one camera and one microphone that its owner muted."""
    made = await chroom.meeting()
    await chroom.made(f"/meetings/{made['meeting_id']}/start")
    chroom.api.bus.pod()
    owner = ParticipantId(new_id())
    tracks = (
        TrackView(track_id=TrackId(new_id()), participant_id=owner, kind="video", source="camera"),
        TrackView(
            track_id=TrackId(new_id()),
            participant_id=owner,
            kind="audio",
            source="microphone",
            muted=True,
        ),
    )
    room = names.read(made["meeting_id"])
    assert room is not None
    chroom.api.bus.published[RoomId(room)] = tracks
    chroom.api.bus.answer(MuteTrack, lambda _: Done())
    chroom.api.bus.answer(CloseTrack, lambda _: Done())
    return f"/meetings/{made['meeting_id']}/streams", tracks


async def test_what_people_send_is_listed(chroom: Chroom, live: Any) -> None:
    path, (camera, _) = live

    shown = await chroom.got(path)

    assert shown["items"][0] == {
        "stream_id": names.shown("stream", camera.track_id),
        "participant_id": names.shown("participant", camera.participant_id),
        "kind": "video",
        "source": "camera",
        "paused": False,
    }
    assert [item["paused"] for item in shown["items"]] == [False, True]


async def test_a_stream_is_paused_by_its_pod(chroom: Chroom, live: Any) -> None:
    path, (camera, _) = live

    answer = await chroom.call(
        "PATCH", f"{path}/{names.shown('stream', camera.track_id)}", {"paused": True}
    )

    (order,) = chroom.api.bus.orders(MuteTrack)
    assert (answer.status_code, answer.json()["paused"]) == (200, True)
    assert (order.track_id, order.participant_id) == (camera.track_id, camera.participant_id)
    assert (order.muted, order.by_host) == (True, True)


async def test_nobody_is_made_to_be_heard(chroom: Chroom, live: Any) -> None:
    path, (_, microphone) = live

    answer = await chroom.call("PATCH", f"{path}/{microphone.track_id}", {"paused": False})

    assert (answer.status_code, answer.json()["error"]) == (403, "NOT_ALLOWED")
    assert chroom.api.bus.orders(MuteTrack) == []


async def test_a_stream_is_taken_out_of_the_meeting(chroom: Chroom, live: Any) -> None:
    path, (camera, _) = live
    stream = names.shown("stream", camera.track_id)

    answer = await chroom.call("DELETE", f"{path}/{stream}")

    assert answer.json() == {"stream_id": stream, "closed": True}
    assert [order.track_id for order in chroom.api.bus.orders(CloseTrack)] == [camera.track_id]


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_a_stream_that_is_not_there_is_unknown(
    chroom: Chroom, live: Any, method: str
) -> None:
    path, _ = live
    body = {"paused": True} if method == "PATCH" else None

    for stream in (names.shown("stream", new_id()), "abc123"):
        answer = await chroom.call(method, f"{path}/{stream}", body)
        assert (answer.status_code, answer.json()["error"]) == (404, "STREAM_UNKNOWN")


async def test_who_only_takes_part_does_not_steer_streams(chroom: Chroom, live: Any) -> None:
    path, (camera, _) = live
    issued = await chroom.api.made(
        "/auth/token", {"api_key": chroom.api.key, "user_id": "ben", "role": "student"}, key=""
    )

    answers = [
        await chroom.call("GET", path, token=issued["access_token"]),
        await chroom.call("DELETE", f"{path}/{camera.track_id}", token=issued["access_token"]),
    ]

    assert [(a.status_code, a.json()["error"]) for a in answers] == [(403, "HOST_ONLY")] * 2
