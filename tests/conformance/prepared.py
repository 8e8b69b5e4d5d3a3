"""A stage in the test's own process, where what takes people and time is simply so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
from sqlalchemy import insert

from handlers.dialects import names
from infra.contract.ids import PodId, RecordingId, SpoolId, new_id
from infra.db import recordings
from infra.db.recordings import PARTS
from tests.conformance.stage import NOTHING, Stage
from tests.support.lobby import Lobby

FILM = bytes(range(256)) * 40


class PreparedStage(Stage):
    def __init__(self, http: httpx2.AsyncClient, lobby: Lobby) -> None:
        super().__init__(http)
        self._lobby = lobby

    async def spoke(self, key: str, room: str, as_: str = "speaker") -> Mapping[str, Any]:
        """A pod has captured the recording that is under way."""
        answer = await self.http.get("/api/v1/recordings", headers={"X-API-Key": key})
        room_id = str(names.read(room))
        under_way = next(each for each in answer.json()["recordings"] if each["room_id"] == room_id)
        with self._lobby.tools.begin() as work:
            work.connection.execute(
                insert(PARTS).values(
                    recording_id=UUID(under_way["id"]),
                    epoch=1,
                    pod_id=PodId(new_id()),
                    spool_id=SpoolId(new_id()),
                    state="captured",
                    updated_at=work.now,
                )
            )
        return NOTHING

    async def stored(self, key: str, recording: str) -> Mapping[str, Any]:
        recording_id = names.read(recording)
        assert recording_id is not None
        object_key = f"rec/{recording_id}/recording.mp4"
        film = Path(self._lobby.settings.home) / "film.mp4"
        film.write_bytes(FILM)
        self._lobby.context.store.put(object_key, film, content_type="video/mp4")
        with self._lobby.tools.begin() as work:
            recordings.complete(
                work.connection,
                RecordingId(recording_id),
                object_key=object_key,
                sha256=None,
                size_bytes=len(FILM),
                duration_seconds=12.5,
                error_message=None,
            )
        return NOTHING
