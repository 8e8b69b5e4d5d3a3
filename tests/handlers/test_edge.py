from __future__ import annotations

from typing import Any

import pytest
from starlette.datastructures import Headers

from handlers.edge import address, networks
from tests.support.api import Api

TRUSTED = networks("127.0.0.1, ::1, 10.0.0.0/8")


def seen(peer: str | None, *forwarded: str) -> str | None:
    raw = [(b"x-forwarded-for", line.encode()) for line in forwarded]
    scope: Any = {"type": "http", "client": (peer, 1) if peer else None}
    return address(scope, Headers(raw=raw), TRUSTED)


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("203.0.113.9", (), "203.0.113.9"),
        ("203.0.113.9", ("198.51.100.1",), "203.0.113.9"),
        ("127.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        ("127.0.0.1", ("6.6.6.6, 198.51.100.1",), "198.51.100.1"),
        ("127.0.0.1", ("6.6.6.6", "198.51.100.1, 10.1.2.3"), "198.51.100.1"),
        ("::1", ("2001:db8::1",), "2001:db8::1"),
        ("127.0.0.1", ("nonsense",), "127.0.0.1"),
        ("127.0.0.1", ("198.51.100.1, nonsense",), "127.0.0.1"),
        ("127.0.0.1", ("",), "127.0.0.1"),
        ("127.0.0.1", (), "127.0.0.1"),
        (None, ("198.51.100.1",), None),
    ],
)
def test_an_address_is_believed_only_from_trusted_proxies(
    peer: str, forwarded: tuple[str, ...], found: str | None
) -> None:
    assert seen(peer, *forwarded) == found


async def test_a_sane_request_id_is_taken_over(api: Api) -> None:
    answer = await api.call("GET", "/rooms/x", X_Request_Id="trace-1.2_3")

    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "trace-1.2_3"


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "<script>", "é"])
async def test_any_other_request_id_is_replaced(api: Api, given: str) -> None:
    headers = [(b"X-API-Key", api.key.encode()), (b"X-Request-Id", given.encode())]

    answer = await api.http.get("/api/v1/rooms", headers=headers)

    assert answer.status_code == 200
    assert len(answer.headers["x-request-id"]) == 36


@pytest.mark.parametrize("path", ["/", "/docs", "/livez", "/api/v1/rooms", "/nowhere", "/api/v1/x"])
async def test_no_browser_is_to_guess_what_an_answer_is(api: Api, path: str) -> None:
    answer = await api.http.get(path)

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "x-request-id" in answer.headers


async def test_a_bug_answers_with_nothing_but_the_requests_id(api: Api) -> None:
    async def breaks(*_: Any) -> None:
        raise RuntimeError("a secret detail")

    api.lobby.context.standing.key = breaks  # type: ignore[method-assign,assignment]

    answer = await api.call("GET", "/rooms")

    assert answer.status_code == 500
    assert answer.json() == {
        "error": "internal error",
        "code": "INTERNAL",
        "request_id": answer.headers["x-request-id"],
    }


@pytest.mark.parametrize("path", ["/nowhere", "/api/v1/nowhere", "/api/v1", "/x/y"])
async def test_what_is_not_there_is_refused_in_chalks_form(api: Api, path: str) -> None:
    answer = await api.http.get(path)

    assert answer.status_code == 404
    assert answer.json().keys() == {"error", "code", "request_id"}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/rooms", {"GET", "HEAD", "POST", "OPTIONS"}),
        ("POST", "/recordings", {"GET", "HEAD", "OPTIONS"}),
        ("TRACE", "/rooms", {"GET", "HEAD", "POST", "OPTIONS"}),
        ("GET", "/auth/token", {"POST", "OPTIONS"}),
    ],
)
async def test_the_wrong_method_hears_the_right_ones(
    api: Api, method: str, path: str, allowed: set[str]
) -> None:
    answer = await api.call(method, path)

    assert (answer.status_code, answer.json()["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert set(answer.headers["allow"].split(", ")) == allowed


async def test_a_head_is_a_get_without_its_body(api: Api) -> None:
    assert (await api.call("HEAD", "/rooms")).status_code == 200


async def test_answers_are_kept_by_no_cache(api: Api) -> None:
    assert (await api.call("GET", "/rooms")).headers["cache-control"] == "no-store"
    assert (await api.call("GET", "/rooms/x")).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("host", ["a/b", "a?b", "a#b", "a@b", "evil.example", "x" * 300])
async def test_the_host_header_decides_nothing(api: Api, host: str) -> None:
    headers = {"Host": host, "X-API-Key": api.key}

    assert (await api.http.get("/api/v1/rooms", headers=headers)).status_code == 200
    assert (await api.http.get("/api/v1/rooms/", headers=headers)).status_code == 404


async def test_requests_are_counted_by_route_and_not_by_id(api: Api) -> None:
    room = await api.room()
    await api.call("GET", f"/rooms/{room}")

    said = (await api.http.get("/metrics")).text

    line = 'parley_http_requests_total{method="GET",route="/api/v1/rooms/{room_id}",status="200"}'
    assert line in said
    assert room not in said
