from __future__ import annotations

from handlers.dialects.chroom.document import CHROOM
from handlers.dialects.chroom.refusals import CHROOM_SAYS, WORDS
from handlers.dialects.openapi import document
from infra.contract.refusals import Reason
from tests.handlers.chroom.conftest import Chroom


def test_every_reason_has_a_status_words_and_a_code_of_its_own() -> None:
    assert WORDS.keys() == set(Reason)
    assert len({said for _, said in WORDS.values()}) == len(WORDS)
    assert len({CHROOM_SAYS.code(reason) for reason in Reason}) == len(Reason)
    assert 422 not in {status for status, _ in WORDS.values()}


def test_one_operation_is_published_and_the_rest_are_marked() -> None:
    paths = document(CHROOM)["paths"]
    published = [
        (method, path)
        for path, methods in paths.items()
        for method, operation in methods.items()
        if not operation.get("x-extension")
    ]

    assert published == [("post", "/meetings/create")]


def test_every_operation_names_the_scope_that_opens_it() -> None:
    assert [each.path for each in CHROOM.operations if each.scope is None] == []


async def test_a_refusal_is_flat(chroom: Chroom) -> None:
    answer = await chroom.call("GET", "/nowhere", X_Request_Id="r-1")

    assert answer.status_code == 404
    assert answer.json() == {
        "error": "NO_SUCH_ROUTE",
        "message": "Not found",
        "request_id": "r-1",
    }
