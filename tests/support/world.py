"""Everything there is to name in a path, made twice: for one tenant, and for another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from handlers.dialects import names
from handlers.dialects.dialect import Dialect
from infra.contract.ids import ParticipantId, RecordingId, RoomId, TrackId, new_id
from infra.contract.live import CloseTrack, MuteTrack
from infra.contract.messages import Done
from infra.contract.views import TrackView
from infra.db import recordings
from tests.support.api import Api

FILM = bytes(range(256)) * 40


@dataclass(frozen=True, slots=True)
class World:
    """One tenant's things: ids by the names paths have for them, and who may ask."""

    tenant_id: str
    key: str
    ids: Mapping[str, str]
    tokens: Mapping[str, str]
    """By who holds them: the users host and student, the seats host_seat, guest_seat and
    seat_elsewhere (in another room), and scoped_key, which may read meetings over Chroom."""

    def path(self, dialect: Dialect, path: str, **other: str) -> str:
        """The path with this tenant's ids in it, as the dialect shows them; `other` instead."""
        named = {
            name: shown_as(dialect, name, text) for name, text in {**self.ids, **other}.items()
        }
        return dialect.prefix + path.format_map(named)


def shown_as(dialect: Dialect, name: str, text: str) -> str:
    word = dialect.ids.get(name)
    return names.shown(word, UUID(text)) if word else text


def unknown(ids: Mapping[str, str]) -> dict[str, str]:
    """Ids of the same look that name nothing."""
    return {name: str(new_id()) if _is_id(text) else f"no-{text}" for name, text in ids.items()}


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


async def make_world(api: Api, tenant_id: str, key: str) -> World:
    """A live room with a host, a guest and a track, a recording with its transcript, a person, a
    webhook with a delivery, and a key with scopes."""

    async def made(path: str, body: Any = None) -> Any:
        return await api.made(path, body, key=key)

    async def token(**who: str) -> str:
        pair = await api.made("/auth/token", {"api_key": key, **who}, key="")
        return str(pair["access_token"])

    host = await token(user_id="teacher", role="host")
    room = (await api.made("/rooms", {"name": "Algebra"}, token=host))["id"]
    other_room = (await made("/rooms", {"name": "Botany"}))["id"]
    seats = {
        role: await made(f"/rooms/{room}/participants", {"display_name": role, "role": role})
        for role in ("host", "participant")
    }
    elsewhere = await made(f"/rooms/{other_room}/participants", {"display_name": "Eve"})
    recording = (await made(f"/rooms/{room}/recordings/start"))["id"]
    await made(f"/rooms/{room}/recordings/stop")
    _store(api, recording)
    transcript = (await made(f"/recordings/{recording}/transcribe"))["transcript_id"]
    person = {"user_id": f"u-{new_id().hex[-12:]}", "name": "Ann Example"}
    put = await api.call("PUT", "/people", {"people": [person]}, key=key)
    assert put.status_code < 300, put.text
    endpoint = (await made("/webhooks", {"url": "https://hooks.example.org/parley"}))["id"]
    delivery = (await made(f"/webhooks/{endpoint}/test"))["id"]
    scoped = await made("/api/keys", {"name": "reader", "scopes": ["meetings:read"]})
    guest = seats["participant"]["participant"]["id"]
    track = TrackView(
        track_id=TrackId(new_id()),
        participant_id=ParticipantId(UUID(guest)),
        kind="video",
        source="camera",
    )
    api.bus.published[RoomId(UUID(room))] = (track,)
    _hold(api)
    return World(
        tenant_id=tenant_id,
        key=key,
        ids={
            "tenant_id": tenant_id,
            "room_id": room,
            "room": room,
            "participant_id": guest,
            "recording_id": recording,
            "transcript_id": transcript,
            "user_id": person["user_id"],
            "endpoint_id": endpoint,
            "delivery_id": delivery,
            "key_id": str(names.read(scoped["key_id"])),
            "track_id": str(track.track_id),
        },
        tokens={
            "host": host,
            "student": await token(user_id="student", role="student"),
            "host_seat": seats["host"]["access_token"],
            "guest_seat": seats["participant"]["access_token"],
            "seat_elsewhere": elsewhere["access_token"],
            "scoped_key": scoped["key"],
        },
    )


def _hold(api: Api) -> None:
    """A media pod that does to tracks what it is told to."""
    if not api.bus.reports:
        api.bus.pod()
    api.bus.answer(MuteTrack, lambda _: Done())
    api.bus.answer(CloseTrack, lambda _: Done())


def _store(api: Api, recording: str) -> None:
    """Give the recording its film."""
    key = f"rec/{recording}/recording.mp4"
    film = Path(api.lobby.settings.home) / "film.mp4"
    film.write_bytes(FILM)
    api.lobby.context.store.put(key, film, content_type="video/mp4")
    with api.lobby.tools.begin() as work:
        recordings.complete(
            work.connection,
            RecordingId(UUID(recording)),
            object_key=key,
            sha256=None,
            size_bytes=len(FILM),
            duration_seconds=12.5,
            error_message=None,
        )
