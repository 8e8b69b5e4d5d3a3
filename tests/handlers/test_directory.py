"""The directory over HTTP."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.support.api import Api

CLASS = [
    {"user_id": "u-1", "name": "José Núñez", "email": "jose@school.example", "role": "student"},
    {"user_id": "u-2", "name": "Josefine Berg", "role": "teacher", "department": "Maths"},
]


async def put(api: Api, people: list[dict[str, Any]] = CLASS, **more: Any) -> Any:
    answer = await api.call("PUT", "/people", {"people": people}, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_people_put_are_found_by_how_their_names_begin(api: Api) -> None:
    assert await put(api) == {"count": 2}

    found = await api.got("/people?query=jose&limit=1")

    assert [person["user_id"] for person in found["people"]] == ["u-1"]
    assert (found["total"], found["limit"]) == (2, 1)


async def test_a_person_is_shown_with_what_was_said_of_them(api: Api) -> None:
    await put(api)

    seen = await api.got("/people/u-2")

    assert seen.pop("updated_at").endswith("Z")
    assert seen == CLASS[1] | {"email": None, "source": "api"}


async def test_a_removed_person_is_gone_and_removing_them_again_succeeds(api: Api) -> None:
    await put(api)

    for _ in range(2):
        assert (await api.call("DELETE", "/people/u-1")).status_code == 204

    answer = await api.call("GET", "/people/u-1")
    assert (answer.status_code, answer.json()["code"]) == (404, "PERSON_UNKNOWN")
    assert (await api.got("/people?query=jose"))["total"] == 1


async def test_a_csv_file_says_the_same_as_json(api: Api) -> None:
    file = (
        "\ufeffuser_id,name,email,role,department\r\n"
        'u-1,"Núñez, José",jose@school.example,student,\r\n'
        "u-2,Josefine Berg,,teacher,Maths\r\n"
    )

    answer = await api.call("PUT", "/people", content=file, Content_Type="text/csv; charset=utf-8")

    assert answer.json() == {"count": 2}
    assert (await api.got("/people/u-1"))["name"] == "Núñez, José"
    assert (await api.got("/people/u-2"))["email"] is None


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (b"name,email\nAnn,a@b\n", "the first line must name columns"),
        (b"", "the first line must name columns"),
        (b"user_id,user_id\nu,u\n", "the first line must name columns"),
        (b"user_id,password\nu,x\n", "1 columns are none of"),
        (b"user_id,name\nu,Ann,more\n", "line 2 has more fields"),
        (b"user_id,name\n,Ann\n", "people.0.user_id: Field required"),
        (b"user_id,email\nu,nowhere\n", "people.0.email"),
        (b"user_id,name\nu,A\xff\n", "not UTF-8"),
        (b'user_id,name\nu,"A"nn\n', "after line 1"),
        (b"user_id,name\n", "people: "),
        (b'user_id,name\nu,"Ann\nBcc: x@y"\n', "one line"),
    ],
)
async def test_a_csv_file_that_is_no_good_is_told_why(api: Api, file: bytes, said: str) -> None:
    answer = await api.call("PUT", "/people", content=file, Content_Type="text/csv")

    assert answer.status_code == 400
    assert said in answer.json()["error"]


async def test_somebody_may_be_called_what_is_no_word(api: Api) -> None:
    for user_id in ("-", "\u200b", "\u00ad"):
        put = await api.call("PUT", "/people", {"people": [{"user_id": user_id}]})

        assert put.status_code == 200
        assert (await api.got(f"/people/{quote(user_id)}"))["user_id"] == user_id


async def test_all_of_an_import_is_written_or_nothing(api: Api) -> None:
    answer = await api.call("PUT", "/people", {"people": [*CLASS, {"user_id": ""}]})

    assert answer.status_code == 400
    assert (await api.got("/people"))["total"] == 0


async def test_a_retried_import_is_done_once(api: Api) -> None:
    await put(api, Idempotency_Key="import-1")
    await api.call("DELETE", "/people/u-1")
    await put(api, Idempotency_Key="import-1")

    assert (await api.got("/people"))["total"] == 1


async def test_only_the_tenant_itself_writes_and_only_hosts_search(api: Api) -> None:
    await put(api)
    who = {"sub": "t", "tenant_id": api.tenant_id, "user_id": "t"}
    teacher = api.lobby.token(**who, role="teacher")
    student = api.lobby.token(**who, role="student")

    assert (await api.got("/people?query=berg", token=teacher))["total"] == 1
    assert (await api.call("PUT", "/people", {"people": CLASS}, token=teacher)).status_code == 403
    assert (await api.call("DELETE", "/people/u-1", token=teacher)).status_code == 403
    assert (await api.call("GET", "/people?query=berg", token=student)).status_code == 403


async def test_another_tenants_people_are_nobody(api: Api) -> None:
    await put(api)
    _, stranger = await api.tenant()

    assert (await api.got("/people?query=jose", key=stranger))["people"] == []
    assert (await api.call("GET", "/people/u-1", key=stranger)).status_code == 404
    assert (await api.call("DELETE", "/people/u-1", key=stranger)).status_code == 204
    assert (await api.got("/people"))["total"] == 2


@pytest.mark.parametrize("query", ["%", "_", "\\", "(a+)+$", "' OR 1=1 --", "\x00", "\ud7ff", "@"])
async def test_a_query_of_signs_finds_nobody_and_breaks_nothing(api: Api, query: str) -> None:
    await put(api)

    answer = await api.http.get(
        "/api/v1/people", params={"query": query}, headers={"X-API-Key": api.key}
    )

    assert answer.status_code == 200
    assert answer.json()["total"] == (2 if not query.isprintable() else 0)
