"""A campus with people in it, spoken to as frontends of KCS Meeting do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from handlers.dialects import names
from infra.contract.commands import EnterRoom, LeaveRoom
from infra.contract.ids import ConnectionId, ParticipantId, RoomId, TenantId
from tests.support.api import Api
from tests.support.api import api as open_api

BASE = "/api/meeting"
STANDUP: dict[str, Any] = {
    "meeting_name": "Team Standup",
    "meeting_description": "Daily team sync",
    "meeting_start_time": "2055-11-04T09:00:00Z",
    "meeting_end_time": "2055-11-04T09:30:00Z",
    "meeting_location": "Virtual",
    "participants": ["bob", "cy"],
    "meeting_meta_data": {"department": "Engineering"},
}


class Campus:
    """Everybody of it has a token; `ann` is who is meant when nobody is named."""

    def __init__(self, api: Api, tenant_id: str, key: str) -> None:
        self.api = api
        self.bus = api.bus
        self.tenant_id = tenant_id
        self.key = key

    def token(self, user: str, role: str = "student", **claims: Any) -> str:
        return self.api.lobby.token(
            sub=user,
            user_id=user,
            tenant_id=TenantId(_uuid(self.tenant_id)),
            role=role,
            display_name=user.capitalize(),
            **claims,
        )

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        user: str | None = "ann",
        role: str = "student",
        **headers: str,
    ) -> httpx2.Response:
        """As the user; None: with the campus's API key."""
        full = path if path.startswith("/api") else BASE + path
        if user is None:
            return await self.api.call(method, full, body, key=self.key, **headers)
        return await self.api.call(method, full, body, token=self.token(user, role), **headers)

    async def data(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """What a request answers that must succeed."""
        answer = await self.call(method, path, body, **more)
        assert answer.status_code == 200, answer.text
        said = answer.json()
        assert said["success"] is True
        return said["data"]

    async def refused(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """Status and body of a request that must be refused."""
        answer = await self.call(method, path, body, **more)
        said = answer.json()
        assert answer.status_code >= 400, answer.text
        assert said["success"] is False
        assert said["request_id"] == answer.headers["x-request-id"]
        return answer.status_code, said["code"], said["message"]

    async def meeting(self, *, user: str | None = "ann", **fields: Any) -> str:
        """The id of a new meeting of theirs, to which Bob and Cy are invited."""
        made = await self.data("POST", "", {**STANDUP, **fields}, user=user)
        return str(made["id"])

    async def live(self, *, user: str | None = "ann", **fields: Any) -> str:
        return await self.meeting(user=user, meeting_type="instant", **fields)

    async def join(self, meeting: str, user: str) -> str:
        """The participant id of somebody who is let in and comes."""
        joined = await self.data("POST", f"/{meeting}/join", user=user)
        assert joined["canJoin"] is True
        await self.come(meeting, joined["participant"]["id"])
        return str(joined["participant"]["id"])

    async def come(self, meeting: str, participant: str) -> None:
        """They open the socket."""
        await self.bus.ask(
            EnterRoom(
                tenant_id=TenantId(_uuid(self.tenant_id)),
                room_id=RoomId(_uuid(meeting)),
                participant_id=ParticipantId(_uuid(participant)),
                connection_id=ConnectionId(_uuid(participant)),
            )
        )

    async def go(self, meeting: str, participant: str) -> None:
        """Their socket closes."""
        await self.bus.ask(
            LeaveRoom(
                tenant_id=TenantId(_uuid(self.tenant_id)),
                room_id=RoomId(_uuid(meeting)),
                participant_id=ParticipantId(_uuid(participant)),
                connection_id=ConnectionId(_uuid(participant)),
            )
        )

    async def seat(self, meeting: str, user: str) -> str:
        """The participant id of somebody who has a seat."""
        listed = await self.data("GET", f"/{meeting}/participants", user=None)
        return next(str(each["id"]) for each in listed if each["user_id"] == user)


def _uuid(text: str) -> Any:
    found = names.read(text)
    assert found is not None
    return found


@pytest.fixture
async def campus(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Campus]:
    async with open_api(tmp_path / "home", sqlite_url) as api:
        yield Campus(api, api.tenant_id, api.key)


@pytest.fixture
async def campus_with_turn(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Campus]:
    settings: dict[str, Any] = {
        "turn_url": "turn:turn.example.org:3478",
        "turn_secret": SecretStr("north"),
    }
    async with open_api(tmp_path / "home", sqlite_url, **settings) as api:
        yield Campus(api, api.tenant_id, api.key)
