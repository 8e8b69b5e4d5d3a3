"""What the stories need and no request brings about: people who speak, and files of it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2

from handlers.dialects import names
from infra.cli.peer import Peer, SpeechTrack
from tests.support.wire_client import opened

SPEECH = Path(__file__).parents[2] / "infra" / "demo" / "speech" / "alice.ogg"
SPOKEN_S = 3.0
STORED_WITHIN_S = 90.0
NOTHING: Mapping[str, Any] = {}


class Stage(ABC):
    """Its methods return what is to be kept for later examples."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http = http

    @abstractmethod
    async def spoke(self, key: str, room: str, as_: str = "speaker") -> Mapping[str, Any]:
        """Somebody, or this user, has said something in the room while it is being recorded."""

    @abstractmethod
    async def stored(self, key: str, recording: str) -> Mapping[str, Any]:
        """The recording can be played, and nothing is still being done with it."""

    async def connected(self, token: str) -> Mapping[str, Any]:
        """Whoever has this token opens a socket and is told how things stand."""
        async with opened(self.http.base_url.netloc.decode(), token) as client:
            assert "participants" in await client.hear("room.snapshot")
        return NOTHING


class LiveStage(Stage):
    """A server with media pods and workers of its own, of which only the address is known."""

    async def spoke(self, key: str, room: str, as_: str = "speaker") -> Mapping[str, Any]:
        # WHIP knows rooms by their UUIDs and their names.
        peer = Peer(self.http, key, str(names.read(room)), as_)
        try:
            await peer.publish(SpeechTrack(SPEECH))
            await asyncio.sleep(SPOKEN_S)
        finally:
            await peer.close()
        return NOTHING

    async def stored(self, key: str, recording: str) -> Mapping[str, Any]:
        path = f"/api/v1/recordings/{recording}"
        async with asyncio.timeout(STORED_WITHIN_S):
            await self._until(key, path, ("ready",))
            # Where recordings are transcribed by themselves, a second transcription has to wait.
            await self._until(key, f"{path}/transcript", ("completed", "failed"))
        return NOTHING

    async def _until(self, key: str, path: str, wanted: tuple[str, ...]) -> None:
        while True:
            answer = await self.http.get(path, headers={"X-API-Key": key})
            if answer.status_code == 200 and answer.json()["status"] in wanted:
                return
            await asyncio.sleep(0.3)
