from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette

from handlers.dialects.chalk.refusals import CHALK_SAYS
from handlers.edge import Edge
from handlers.page.routes import page_routes
from tests.support.api import Api


@pytest.fixture
async def http(api: Api, tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    program = Starlette(
        routes=page_routes(tmp_path / "dist"), exception_handlers=CHALK_SAYS.handlers
    )
    program.add_middleware(Edge)
    program.state.context = api.lobby.context
    transport = httpx2.ASGITransport(app=program)
    async with httpx2.AsyncClient(transport=transport, base_url="http://parley.test") as client:
        yield client


def build(tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text("<!doctype html>the page")
    (dist / "assets" / "app-4f2a.js").write_text("go()")
    (dist / "icon.svg").write_text("<svg/>")
    (tmp_path / "secret").write_text("secret")


async def test_a_page_that_was_not_built_says_so(http: httpx2.AsyncClient) -> None:
    answer = await http.get("/")

    assert answer.status_code == 503
    assert "not built" in answer.text


async def test_the_page_is_asked_for_anew_and_its_parts_are_kept(
    http: httpx2.AsyncClient, tmp_path: Path
) -> None:
    build(tmp_path)

    index, script, icon = [
        await http.get(path) for path in ("/", "/assets/app-4f2a.js", "/icon.svg")
    ]

    assert (index.status_code, index.headers["cache-control"]) == (200, "no-cache")
    assert "immutable" in script.headers["cache-control"]
    assert "javascript" in script.headers["content-type"]
    assert icon.status_code == 200


async def test_the_page_talks_to_this_server_only(http: httpx2.AsyncClient, tmp_path: Path) -> None:
    build(tmp_path)

    policy = (await http.get("/")).headers["content-security-policy"]

    assert "default-src 'self'" in policy
    assert "connect-src 'self' ws: wss:" in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize(
    ("settings", "origin"),
    [
        ({"s3_endpoint": "http://store.test:9000"}, "http://store.test:9000"),
        (
            {"s3_endpoint": "http://inside", "s3_public_endpoint": "http://outside/s3"},
            "http://outside",
        ),
    ],
)
async def test_recordings_may_be_played_from_the_store(
    http: httpx2.AsyncClient, api: Api, tmp_path: Path, settings: dict[str, str], origin: str
) -> None:
    build(tmp_path)
    for name, value in settings.items():
        setattr(api.lobby.context.settings, name, value)

    policy = (await http.get("/")).headers["content-security-policy"]

    [allowed] = [part for part in policy.split("; ") if part.startswith("media-src")]
    assert allowed.split()[-1] == origin


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../../secret",
        "/assets/%2e%2e/%2e%2e/secret",
        "/..%2fsecret",
        "/assets/",
        "/assets",
        "/assets/%00",
        f"/assets/{'x' * 5000}",
        "/nothing.js",
    ],
)
async def test_nothing_beside_the_page_is_served(
    http: httpx2.AsyncClient, tmp_path: Path, path: str
) -> None:
    build(tmp_path)

    answer = await http.get(path)

    assert (answer.status_code, answer.json()["code"]) == (404, "NO_SUCH_ROUTE")
