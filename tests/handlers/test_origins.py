"""Pages of other origins, whose browsers ask before they let them."""

from __future__ import annotations

import pytest

from tests.support.api import Api

APP = "https://app.example.org"


async def configure(api: Api, *origins: str) -> None:
    path = f"/tenants/{api.tenant_id}/config"
    changed = await api.call("PATCH", path, {"allowed_origins": list(origins)})
    assert changed.status_code == 200


async def test_a_browser_is_told_what_a_page_may_send(api: Api) -> None:
    asking = {
        "Origin": APP,
        "Access_Control_Request_Method": "POST",
        "Access_Control_Request_Headers": "authorization,content-type,idempotency-key",
    }

    answer = await api.call("OPTIONS", "/rooms", key="", **asking)

    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "POST" in answer.headers["access-control-allow-methods"].split(", ")
    sendable = answer.headers["access-control-allow-headers"].lower().split(", ")
    assert {"authorization", "x-api-key", "content-type", "idempotency-key"} <= set(sendable)


async def test_a_page_may_read_its_answers_and_why_it_was_refused(api: Api) -> None:
    for key in (api.key, "nonsense"):
        answer = await api.call("GET", "/rooms", key=key, Origin=APP)

        assert answer.headers["access-control-allow-origin"] == "*"
        assert "Retry-After" in answer.headers["access-control-expose-headers"]


async def test_whoever_is_no_page_is_told_nothing_about_pages(api: Api) -> None:
    answer = await api.call("GET", "/rooms")

    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (APP, 200),
        (APP.upper(), 200),
        ("http://localhost:5173", 200),
        ("http://parley.test", 200),
        ("https://evil.example", 403),
        ("http://app.example.org", 403),
        ("https://app.example.org.evil.example", 403),
        ("http://localhost:5173.evil.example", 403),
        ("null", 403),
    ],
)
async def test_only_pages_the_tenant_wants_and_our_own_may_ask(
    api: Api, origin: str, status: int
) -> None:
    await configure(api, APP, "http://localhost:*")

    answer = await api.call("GET", "/rooms", Origin=origin)

    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "ORIGIN_NOT_ALLOWED"


async def test_any_page_may_ask_of_a_tenant_that_names_none(api: Api) -> None:
    assert (await api.call("GET", "/rooms", Origin="https://evil.example")).status_code == 200


async def test_a_program_needs_no_origin(api: Api) -> None:
    await configure(api, APP)

    assert (await api.call("GET", "/rooms")).status_code == 200


async def test_media_over_http_is_for_the_same_pages(api: Api) -> None:
    room = await api.room()
    await configure(api, APP)

    refused = await api.call("POST", f"/whip/{room}?id=ann", Origin="https://evil.example")

    assert (refused.status_code, refused.json()["code"]) == (403, "ORIGIN_NOT_ALLOWED")
