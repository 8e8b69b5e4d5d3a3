"""Chroom's API over real owners, asked as Chroom's clients ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.api import Api
from tests.support.api import api as open_api

MEETING = {"title": "Algebra", "host": "ada", "participants": ["ben", "cem"], "duration": 45}


class Chroom:
    """Everything below `/api`, with a bearer credential: the account's key unless another is
    named; "" for none."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def call(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, **headers: str
    ) -> httpx2.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token != "":
            sent["Authorization"] = f"Bearer {token or self.api.key}"
        return await self.api.http.request(method, f"/api{path}", json=body, headers=sent)

    async def made(self, path: str, body: Any = None, **more: Any) -> Any:
        answer = await self.call("POST", path, {} if body is None else body, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def got(self, path: str, **more: Any) -> Any:
        answer = await self.call("GET", path, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def meeting(self, **change: Any) -> Any:
        return await self.made("/meetings/create", {**MEETING, **change})

    async def exchange(self, code: str, name: str = "Ann", **headers: str) -> httpx2.Response:
        """What the page does with the code of a link."""
        body = {"invite": code, "display_name": name}
        return await self.api.call("POST", "/join-token/exchange", body, key="", **headers)


@pytest.fixture
async def chroom(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Chroom]:
    async with open_api(tmp_path / "home", sqlite_url) as made:
        yield Chroom(made)
