from __future__ import annotations

import re

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from handlers.app import DIALECTS, assemble
from handlers.dialects.chalk.document import CHALK
from handlers.dialects.dialect import Dialect
from handlers.dialects.mount import Spoken
from handlers.dialects.openapi import document
from infra.contract.refusals import Reason
from tests.support.api import Api

REFERENCES = {
    "chalk": """
POST /tenants, GET /tenants/:id, PATCH /tenants/:id, DELETE /tenants/:id,
POST /tenants/:id/rotate-key, PATCH /tenants/:id/config, POST /auth/token, POST /auth/refresh,
POST /rooms, GET /rooms, GET /rooms/:id, PATCH /rooms/:id, DELETE /rooms/:id, POST /rooms/:id/end,
POST /rooms/:id/participants, GET /rooms/:id/participants, DELETE /rooms/:id/participants/:id,
POST /rooms/:id/participants/:id/token, POST /rooms/:id/participants/bulk,
POST /rooms/:id/recordings/start, POST /rooms/:id/recordings/stop, POST /rooms/:id/recordings/sync,
GET /recordings, GET /recordings/:id, GET /recordings/:id/download, POST /recordings/:id/archive,
POST /recordings/:id/recover, DELETE /recordings/:id, POST /recordings/:id/transcribe,
GET /recordings/:id/transcript, GET /transcription/:id, GET /transcription/providers, GET /ws
""",
    "kcs": """
POST /, GET /, GET /:id, PUT /:id, DELETE /:id, POST /:id/start, POST /:id/end, POST /:id/join,
GET /:id/participants, GET /:id/chat, GET /:id/recordings, GET /:id/analytics,
GET /:id/webrtc-config, GET /:id/live-stats, POST /:id/participants, DELETE /:id/participants,
PATCH /:id/participants/:id/role, POST /:id/search-users, GET /system/stats, GET /participant/:id
""",
    "chroom": "POST /meetings/create",
}
"The published references."
COUNTS = {"chalk": 33, "kcs": 20, "chroom": 1}
STATUSES = {400, 401, 403, 404, 405, 409, 410, 412, 413, 429, 503, 507}

each = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)


def anonymous(path: str) -> str:
    return re.sub(r"{\w+}", ":id", path)


@each
def test_the_document_is_valid(dialect: Dialect) -> None:
    described = document(dialect)

    assert list(OpenAPIV31SpecValidator(described).iter_errors()) == []
    assert described["openapi"].startswith("3.1")


@each
def test_everything_published_is_there_and_the_rest_is_marked(dialect: Dialect) -> None:
    shown = {
        f"{method.upper()} {anonymous(path)}": operation.get("x-extension", False)
        for path, methods in document(dialect)["paths"].items()
        for method, operation in methods.items()
    }
    published = {" ".join(line.split()) for line in REFERENCES[dialect.name].split(",")}

    assert len(published) == COUNTS[dialect.name]
    assert published == {name for name, extension in shown.items() if not extension}
    assert sum(shown.values()) >= 6


@each
def test_every_route_of_the_dialect_is_in_the_document(dialect: Dialect) -> None:
    program = assemble(lambda: pytest.fail("not opened"))
    for prefix in dialect.prefixes:
        (spoken,) = [
            route
            for route in program.routes
            if isinstance(route, Spoken) and route.prefix == prefix
        ]

        described = document(dialect)["paths"].keys() - dialect.also.keys()
        assert spoken.paths - {"/openapi.json"} == described


@each
def test_every_reason_has_a_status_and_words(dialect: Dialect) -> None:
    words = dialect.says.words

    assert words.keys() == set(Reason)
    assert {status for status, _ in words.values()} <= STATUSES
    assert all(said for _, said in words.values())


def test_chalk_says_every_no_in_words_of_its_own() -> None:
    words = CHALK.says.words

    assert len({said for _, said in words.values()}) == len(words)


@each
def test_operations_have_names_of_their_own_and_a_summary(dialect: Dialect) -> None:
    operations = [
        operation
        for methods in document(dialect)["paths"].values()
        for operation in methods.values()
    ]

    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert all(operation["summary"] and operation["responses"] for operation in operations)


@each
async def test_the_document_and_its_page_are_served(api: Api, dialect: Dialect) -> None:
    served = (await api.http.get(f"{dialect.prefix}/openapi.json")).json()
    page = await api.http.get(f"/docs/{dialect.name}")

    assert served == document(dialect)
    assert page.status_code == 200
    assert f"{dialect.prefix}/openapi.json" in page.text


async def test_the_page_fetches_nothing_from_elsewhere(api: Api) -> None:
    page = await api.http.get("/docs/chalk")

    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=.https?:", page.text)
    assert "default-src 'none'" in page.headers["content-security-policy"]
