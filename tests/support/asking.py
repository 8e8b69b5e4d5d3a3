"""Any operation of the three APIs, asked by somebody who may; and what every no is like."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from handlers.app import DIALECTS
from handlers.auth import May
from handlers.dialects.dialect import Dialect
from handlers.dialects.openapi import document
from handlers.dialects.operation import Operation
from infra.contract.refusals import Reason
from tests.support import samples
from tests.support.api import Api
from tests.support.hostile import texts
from tests.support.world import World


@dataclass(frozen=True)
class Case:
    dialect: Dialect
    operation: Operation
    documented: frozenset[int]

    @property
    def name(self) -> str:
        return f"{self.dialect.name}: {self.operation.method} {self.operation.path}"

    @property
    def texts(self) -> list[tuple[str | int, ...]]:
        assert self.operation.body is not None
        schema = self.operation.body.model_json_schema()
        return list(dict.fromkeys(texts(schema, schema.get("$defs", {}))))


def _cases(dialect: Dialect) -> Iterator[Case]:
    said = document(dialect)["paths"]
    for each in dialect.operations:
        responses = said[each.path][each.method.lower()]["responses"]
        yield Case(dialect, each, frozenset(map(int, responses)))


CASES = {dialect.name: [*_cases(dialect)] for dialect in DIALECTS}
CODES = {each.name: {each.says.code(reason) for reason in Reason} for each in DIALECTS}


class Asker:
    """Asks one operation as somebody who may; keeps what was asked beside what was answered."""

    def __init__(self, api: Api, world: World, case: Case) -> None:
        self.api, self.world, self.case = api, world, case
        self.good = samples.body(case.operation)

    async def ask(self, body: Any = None, **named: str) -> Any:
        content = None if body is None else json.dumps(body).encode()
        return await self.send(content, self.world.path(self.case.dialect, self._path, **named))

    async def at(self, name: str, text: str) -> Any:
        """Asked with the text in the path, as what the name stands for."""
        # Dots too, which clients would take for steps up.
        encoded = quote(text, safe="", errors="surrogatepass").replace(".", "%2E")
        path = self.world.path(self.case.dialect, self._path.replace(f"{{{name}}}", encoded))
        return await self.send(None if self.good is None else json.dumps(self.good).encode(), path)

    async def send(
        self, content: bytes | None, path: str = "", media: str = "application/json"
    ) -> Any:
        operation, api = self.case.operation, self.api
        key = self.world.tokens["host"] if self.case.dialect.name == "kcs" else self.world.key
        if operation.may is May.OPERATE:
            key = api.operator
        headers = {"Authorization": f"Bearer {key}"}
        if content is not None:
            headers["Content-Type"] = media
        return await api.http.request(
            operation.method,
            path or self.world.path(self.case.dialect, self._path),
            content=content,
            headers=headers,
        )

    @property
    def _path(self) -> str:
        return self.case.operation.path


def refused(case: Case, answer: Any, *statuses: int, of: Any = None) -> None:
    """Said in the API's own form, and with one of these statuses, or one of its document's."""
    about = (case.name, of, answer.status_code, answer.text[:500])
    assert answer.status_code in (statuses or case.documented), about
    assert 400 <= answer.status_code < 500, about
    said, form = answer.json(), case.dialect.error.model_fields
    needed = {name for name, field in form.items() if field.is_required()}
    assert needed <= said.keys() <= set(form), about
    assert case.dialect.error.model_validate(said), about
    assert said["request_id"] == answer.headers["x-request-id"], about
    assert said.get("code", said.get("error")) in CODES[case.dialect.name], about


def stood(case: Case, answer: Any, of: Any) -> bool:
    """Whether it was accepted; if not, it was refused well."""
    if answer.status_code in case.documented and answer.status_code < 300:
        return True
    refused(case, answer, of=of)
    return False
