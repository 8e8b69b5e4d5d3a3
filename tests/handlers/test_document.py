from __future__ import annotations

import re
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.routing import BaseRoute, Mount, Route

from handlers.app import assemble
from handlers.dialects.chalk.document import CHALK
from handlers.dialects.chalk.refusals import WORDS
from handlers.dialects.openapi import document
from infra.contract.refusals import Reason
from tests.support.api import Api

REFERENCE = """
POST /tenants, GET /tenants/:id, PATCH /tenants/:id, DELETE /tenants/:id,
POST /tenants/:id/rotate-key, PATCH /tenants/:id/config, POST /auth/token, POST /auth/refresh,
POST /rooms, GET /rooms, GET /rooms/:id, PATCH /rooms/:id, DELETE /rooms/:id, POST /rooms/:id/end,
POST /rooms/:id/participants, GET /rooms/:id/participants, DELETE /rooms/:id/participants/:id,
POST /rooms/:id/participants/:id/token, POST /rooms/:id/participants/bulk,
POST /rooms/:id/recordings/start, POST /rooms/:id/recordings/stop, POST /rooms/:id/recordings/sync,
GET /recordings, GET /recordings/:id, GET /recordings/:id/download, POST /recordings/:id/archive,
POST /recordings/:id/recover, DELETE /recordings/:id, POST /recordings/:id/transcribe,
GET /recordings/:id/transcript, GET /transcription/:id, GET /transcription/providers, GET /ws
"""
"The published reference: 33 of them."


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document(CHALK)


def anonymous(path: str) -> str:
    return re.sub(r"{\w+}", ":id", path)


def test_the_document_is_valid(described: dict[str, Any]) -> None:
    errors = list(OpenAPIV31SpecValidator(described).iter_errors())

    assert errors == []
    assert described["openapi"].startswith("3.1")


def test_everything_published_is_there_and_the_rest_is_marked(described: dict[str, Any]) -> None:
    shown = {
        f"{method.upper()} {anonymous(path)}": operation.get("x-extension", False)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }
    published = {" ".join(line.split()) for line in REFERENCE.split(",")}

    assert len(published) == 33
    assert published == {name for name, extension in shown.items() if not extension}
    assert sum(shown.values()) >= 6


def below(routes: list[BaseRoute]) -> set[str]:
    found: set[str] = set()
    for route in routes:
        if isinstance(route, Mount) and route.path == CHALK.prefix:
            found |= below(route.routes)
        elif isinstance(route, Route):
            found.add(route.path)
    return found


def test_every_route_of_the_dialect_is_in_the_document(described: dict[str, Any]) -> None:
    program = assemble(lambda: pytest.fail("not opened"))
    (mount,) = [
        route for route in program.routes if isinstance(route, Mount) and route.path == CHALK.prefix
    ]

    routed = below(mount.routes)

    assert routed - {"/openapi.json"} == described["paths"].keys() - {"/ws"}


def test_every_reason_has_a_status_and_words() -> None:
    assert WORDS.keys() == set(Reason)
    assert {status for status, _ in WORDS.values()} <= {
        400,
        401,
        403,
        404,
        405,
        409,
        412,
        413,
        429,
        503,
        507,
    }
    assert len({said for _, said in WORDS.values()}) == len(WORDS)


def test_operations_have_names_of_their_own_and_a_summary(described: dict[str, Any]) -> None:
    operations = [each for methods in described["paths"].values() for each in methods.values()]

    assert len({each["operationId"] for each in operations}) == len(operations)
    assert all(each["summary"] and each["responses"] for each in operations)


async def test_the_document_and_its_page_are_served(api: Api) -> None:
    served = (await api.call("GET", "/openapi.json", key="")).json()
    page = await api.http.get("/docs/chalk")

    assert served == document(CHALK)
    assert page.status_code == 200
    assert "/api/v1/openapi.json" in page.text


async def test_the_page_fetches_nothing_from_elsewhere(api: Api) -> None:
    page = await api.http.get("/docs/chalk")

    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=.https?:", page.text)
    assert "default-src 'none'" in page.headers["content-security-policy"]
