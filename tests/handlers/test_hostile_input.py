"""Every operation of the three APIs against what strangers send."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from infra.contract.ids import new_id
from tests.support.api import Api
from tests.support.api import api as open_api
from tests.support.asking import CASES, Asker, Case, refused, stood
from tests.support.hostile import MALFORMED, NOT_THEIRS, ODD, STRINGS, VALUES
from tests.support.world import World, make_world

BODY_LIMIT = 32_768
EVERY = 8
"Of so many strings a field or a place in a path gets one; together they get all."


every_dialect = pytest.mark.parametrize("cases", CASES.values(), ids=CASES)


def reading(cases: list[Case]) -> list[Case]:
    """Those that read a body."""
    return [case for case in cases if case.operation.body]


@pytest.fixture
async def api(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Api]:
    async with open_api(tmp_path / "home", sqlite_url, body_limit_bytes=BODY_LIMIT) as made:
        yield made


async def a_world(api: Api) -> World:
    return await make_world(api, *await api.tenant())


# --- places in paths ---

NO_IDS = ("x", "1", "'", "a" * 300, "00000000-0000-0000-0000-00000000000g", "é", "\0")
LOOKS_LIKE = ("{%s}", "urn:uuid:%s", "%s ", " %s", "%s\n")


@every_dialect
async def test_what_is_no_id_is_none_however_much_it_looks_like_one(
    api: Api, cases: list[Case]
) -> None:
    world = await a_world(api)
    plain = next(id for name, id in world.ids.items() if name == "room_id")
    alike = [*(form % plain for form in LOOKS_LIKE), plain.replace("-", ""), plain[:-1] + "\u0663"]

    for case in cases:
        asker = Asker(api, world, case)
        for name, is_id in case.operation.ids.items():
            worded = name in case.dialect.ids
            for text in (*NO_IDS, *alike) if is_id else ():
                answer = await asker.at(name, text)
                refused(case, answer, 404 if worded else 400, of=text)


@every_dialect
async def test_no_text_in_a_path_breaks_anything(api: Api, cases: list[Case]) -> None:
    world = await a_world(api)
    turn = 0

    for case in cases:
        asker = Asker(api, world, case)
        for name, is_id in case.operation.ids.items():
            turn += 1
            for text in STRINGS[turn % EVERY :: EVERY]:
                if not text:
                    continue
                answer = await asker.at(name, text)
                if is_id or answer.status_code >= 300:
                    # A slash in it makes it another path.
                    refused(case, answer, *case.documented, 404, 405, of=text)
                elif name == "room" and case.operation.method == "POST" and "room" in answer.json():
                    assert answer.json()["room"]["name"] == text, (case.name, text)


# --- bodies ---


@every_dialect
async def test_a_body_that_is_no_good_is_a_bad_request(api: Api, cases: list[Case]) -> None:
    world = await a_world(api)

    for case in reading(cases):
        asker = Asker(api, world, case)
        asked = len(api.bus.asked)
        for name, content in MALFORMED.items():
            refused(case, await asker.send(content), 400, of=name)
        form = await asker.send(
            json.dumps(asker.good).encode(), media="application/x-www-form-urlencoded"
        )
        refused(case, form, 400)
        large = await asker.send(json.dumps({**asker.good, "x": "x" * BODY_LIMIT}).encode())
        refused(case, large, 413)
        assert len(api.bus.asked) == asked, case.name


@every_dialect
async def test_what_nobody_asked_for_breaks_nothing(api: Api, cases: list[Case]) -> None:
    for case in reading(cases):
        asker = Asker(api, await a_world(api), case)
        for name, content in ODD.items():
            inside = json.dumps(asker.good)[:-1].encode()
            with_it = inside + (b", " if asker.good else b"") + content[1:]
            for sent in (content, with_it):
                stood(case, await asker.send(sent), name)


async def test_a_body_without_a_length_is_cut_off_at_the_limit(api: Api) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b" " * 1024

    answer = await api.http.post("/api/v1/rooms", content=endless(), headers={"X-API-Key": api.key})

    assert answer.status_code == 413


def planted(name: str) -> Any:
    """Something that is nowhere else, of the kind the name is of."""
    if name.endswith("_at"):
        return "2001-02-03T04:05:06Z"
    if name.endswith(("_count", "_bytes", "_seconds", "epoch", "seq", "version", "attempts")):
        return 987_654_321
    return str(PLANTED)


PLANTED = new_id()


def kept(api: Api) -> str:
    """All that the database holds."""
    with api.lobby.engine.connect() as connection:
        held = connection.connection.driver_connection
        assert held is not None
        return "\n".join(held.iterdump())


@every_dialect
async def test_nobody_writes_what_is_not_theirs_to_write(api: Api, cases: list[Case]) -> None:
    ignoring = {"kcs"}
    "Frontends of the other two send nothing that is not read."

    for case in reading(cases):
        asker = Asker(api, await a_world(api), case)
        assert case.operation.body is not None
        not_theirs = [name for name in NOT_THEIRS if name not in case.operation.body.model_fields]
        assert len(not_theirs) >= 30
        within = [name for name, value in asker.good.items() if isinstance(value, dict)]
        for name in not_theirs:
            answer = await asker.ask({**asker.good, name: planted(name)})
            assert not stood(case, answer, name) or case.dialect.name in ignoring, (case.name, name)
        for outer in within:
            if outer not in ("metadata", "meeting_meta_data"):
                inner = {**asker.good[outer], "x_role": str(PLANTED), "owner_sha256": str(PLANTED)}
                stood(case, await asker.ask({**asker.good, outer: inner}), outer)

    held = kept(api)
    for trace in (str(PLANTED), PLANTED.hex, PLANTED.hex.upper(), "987654321", "2001-02-03"):
        assert trace not in held


def put(body: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """The body with the value there, and whatever that needs around it."""
    if not path:
        return value
    step, *rest = path
    if isinstance(step, int):
        inner = body[0] if isinstance(body, list) and body else None
        return [put(inner, tuple(rest), value)]
    around = body if isinstance(body, dict) else {}
    return {**around, step: put(around.get(step), tuple(rest), value)}


def shown(answer: Any, name: str) -> list[Any]:
    """Whatever stands under the name, anywhere in the answer."""
    match answer:
        case dict():
            below = [value for inner in answer.values() for value in shown(inner, name)]
            here = answer.get(name)
            return [*(here if isinstance(here, list) else [here] * (name in answer)), *below]
        case list():
            return [value for inner in answer for value in shown(inner, name)]
        case _:
            return []


@every_dialect
async def test_no_text_breaks_anything_and_what_is_taken_comes_back_as_it_was(
    api: Api, cases: list[Case]
) -> None:
    turn = 0

    for case in reading(cases):
        world = await a_world(api)
        asker = Asker(api, world, case)
        for path in case.texts:
            turn += 1
            name = next(str(step) for step in reversed(path) if isinstance(step, str))
            for text in STRINGS[turn % EVERY :: EVERY]:
                answer = await asker.ask(put(asker.good, path, text))
                if not stood(case, answer, (path, text)) or answer.status_code == 204:
                    continue
                again = shown(answer.json(), name)
                assert not again or text in again, (case.name, path, text, again)


@every_dialect
async def test_no_value_of_any_field_breaks_anything(api: Api, cases: list[Case]) -> None:
    for case in reading(cases):
        asker = Asker(api, await a_world(api), case)
        assert case.operation.body is not None
        for field in case.operation.body.model_fields:
            for value in VALUES:
                stood(case, await asker.ask({**asker.good, field: value}), (field, value))


# --- queries ---


@every_dialect
async def test_a_query_says_each_thing_once(api: Api, cases: list[Case]) -> None:
    world = await a_world(api)

    for case in cases:
        for name in case.operation.query.model_fields if case.operation.query else ():
            asker = Asker(api, world, case)
            path = world.path(case.dialect, case.operation.path)
            answer = await asker.send(None, f"{path}?{name}=5&{name}=5&odd=1&odd=2")
            refused(case, answer, 400, of=name)


@every_dialect
async def test_no_text_in_a_query_breaks_anything(api: Api, cases: list[Case]) -> None:
    world = await a_world(api)
    turn = 0

    for case in cases:
        for name in case.operation.query.model_fields if case.operation.query else ():
            turn += 1
            asker = Asker(api, world, case)
            path = world.path(case.dialect, case.operation.path)
            for text in STRINGS[turn % EVERY :: EVERY]:
                asked = f"{path}?{name}={quote(text, safe='', errors='surrogatepass')}"
                stood(case, await asker.send(None, asked), (name, text))


# --- what Chalk's bodies may hold ---

CREATE_ROOM = next(case for case in CASES["chalk"] if case.operation.path == "/rooms")


NOT_KEPT = (
    b'{"metadata": {"a": NaN}}',
    b'{"metadata": {"a": Infinity}}',
    b'{"metadata": {"a": 1e400}}',
    b'{"metadata": {"a": "\\u0000"}}',
    b'{"metadata": {"\\u0000": 1}}',
    b'{"metadata": {"a": [{"b": "\\u0000"}]}}',
    b'{"metadata": ' + b'{"a":' * 40 + b"1" + b"}" * 41,
    b'{"config": {"max_participants": NaN}}',
    b'{"config": {"max_participants": 2.5}}',
    b'{"config": {"max_participants": "5"}}',
    b'{"config": {"max_participants": 1}}',
    b'{"config": {"max_participants": 10001}}',
    b'{"config": {"chat_enabled": 1}}',
    b'{"config": {"chat_enabled": "true"}}',
    b'{"config": null}',
    b'{"name": 7}',
    b'{"name": "   "}',
)


async def test_what_json_can_carry_and_we_cannot_keep_is_refused(api: Api) -> None:
    for raw in NOT_KEPT:
        answer = await api.call("POST", "/rooms", content=raw)

        refused(CREATE_ROOM, answer, 400, of=raw)
        assert len(answer.text) < 600


async def test_a_time_is_no_number(api: Api) -> None:
    for wrong in ("00", "1700000000", 1700000000, 1.5, "2055-11-04", "2055-11-04T09:00:00", True):
        answer = await api.call("POST", "/rooms/schedule", {"starts_at": wrong})
        assert "starts_at: " in answer.json()["error"], wrong
    for right in ("2055-11-04T09:00:00Z", "2055-11-04t09:00:00.5+02:00", "2055-11-04T09:00Z"):
        assert await api.made("/rooms/schedule", {"starts_at": right})


async def test_a_mistake_is_named_without_repeating_what_was_sent(api: Api) -> None:
    secret = "correct horse battery staple"

    answer = await api.call(
        "POST", "/rooms", {"name": ["x"], "config": {"max_participants": secret}}
    )

    assert "name: " in answer.json()["error"]
    assert "config.max_participants: " in answer.json()["error"]
    assert secret not in answer.text
