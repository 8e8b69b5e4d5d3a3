"""The document of an API (OpenAPI 3.1), out of the same table that serves it, and its page."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from offapi import OpenAPITemplate
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from starlette.responses import HTMLResponse, Response

from handlers.auth import May
from handlers.dialects.operation import Operation, Shown
from infra.contract.refusals import Reason

Document = dict[str, Any]
Schemas = Mapping[tuple[Any, JsonSchemaMode], Mapping[str, Any]]
"By model and by whether it is read or shown."

SECURITY: Document = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token from /auth/token, or an API key.",
    },
}
NEEDS: list[Document] = [{"apiKey": []}, {"bearer": []}]
ALWAYS = (Reason.RATE_LIMITED, Reason.UNAVAILABLE)
GUARDS = {
    May.JOIN: (Reason.NOT_ALLOWED,),
    May.LEAD: (Reason.HOST_ONLY,),
    May.GOVERN: (Reason.NOT_ALLOWED,),
    May.OPERATE: (Reason.NOT_ALLOWED,),
}
KNOWN = (Reason.NO_CREDENTIALS, Reason.BAD_CREDENTIALS, Reason.TOKEN_EXPIRED)
UNKNOWN = {
    "tenant_id": Reason.TENANT_UNKNOWN,
    "room_id": Reason.ROOM_UNKNOWN,
    "participant_id": Reason.PARTICIPANT_UNKNOWN,
    "recording_id": Reason.RECORDING_UNKNOWN,
    "transcript_id": Reason.TRANSCRIPT_UNKNOWN,
}
REQUEST_HEADERS: list[Document] = [
    {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "A retry under the same key is the same command, and gets the same answer.",
        "schema": {"type": "string", "maxLength": 255, "pattern": "^[!-~]+$"},
    }
]


@dataclass(frozen=True)
class Api:
    """What is to be said of an API besides its operations."""

    title: str
    version: str
    description: str
    prefix: str
    words: Mapping[Reason, tuple[int, str]]
    error: type[Shown]
    also: Document
    "Paths that are no operations of the table, such as the socket's."


def document(api: Api, operations: Iterable[Operation]) -> Document:
    table = list(operations)
    schemas, definitions = models_json_schema(
        [
            *{(operation.body, "validation") for operation in table if operation.body},
            *{(operation.query, "validation") for operation in table if operation.query},
            *{(operation.shown, "serialization") for operation in table if operation.shown},
            (api.error, "serialization"),
        ],
        ref_template="#/components/schemas/{model}",
    )
    components = definitions.get("$defs", {})
    paths: Document = {}
    for operation in table:
        entry = _operation(api, operation, schemas, components)
        paths.setdefault(operation.path, {})[operation.method.lower()] = entry
    return {
        "openapi": "3.1.0",
        "info": {"title": api.title, "version": api.version, "description": api.description},
        "servers": [{"url": api.prefix}],
        "tags": [{"name": tag} for tag in dict.fromkeys(each.tag for each in table)],
        "paths": {**paths, **api.also},
        "components": {"schemas": components, "securitySchemes": SECURITY},
    }


def _operation(
    api: Api, operation: Operation, schemas: Schemas, components: Mapping[str, Any]
) -> Document:
    entry: Document = {
        "operationId": operation.handler.__name__,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": [*_parameters(operation, schemas, components)],
        "responses": _responses(api, operation, schemas),
        "security": NEEDS if operation.may else [],
    }
    if operation.description:
        entry["description"] = operation.description
    if operation.may:
        entry["x-may"] = operation.may.value
    if operation.extension:
        entry["x-extension"] = True
    if operation.method != "GET" and operation.may:
        entry["parameters"] += REQUEST_HEADERS
    if operation.body:
        entry["requestBody"] = {
            "required": any(field.is_required() for field in operation.body.model_fields.values()),
            "content": {"application/json": {"schema": schemas[operation.body, "validation"]}},
        }
    return entry


def _parameters(
    operation: Operation, schemas: Schemas, components: Mapping[str, Any]
) -> Iterable[Document]:
    for name, is_id in operation.ids.items():
        schema = {"type": "string", "format": "uuid"} if is_id else {"type": "string"}
        yield {"name": name, "in": "path", "required": True, "schema": schema}
    if operation.query:
        reference = schemas[operation.query, "validation"]["$ref"]
        described = components[reference.rpartition("/")[2]]
        for name, schema in described["properties"].items():
            yield {"name": name, "in": "query", "required": False, "schema": schema}


def _responses(api: Api, operation: Operation, schemas: Schemas) -> Document:
    content: Document = {}
    if operation.shown:
        content["application/json"] = {"schema": schemas[operation.shown, "serialization"]}
    content |= {media: {"schema": {"type": "string"}} for media in operation.media}
    responses: Document = {
        str(status): {"description": "Done", **({"content": content} if content else {})}
        for status in (operation.status, *operation.also)
    }
    refused: dict[int, list[str]] = {}
    for reason in reasons(operation):
        status, said = api.words[reason]
        refused.setdefault(status, []).append(f"{said} (`{reason.name}`)")
    error = {"application/json": {"schema": schemas[api.error, "serialization"]}}
    for status, said_so in sorted(refused.items()):
        responses[str(status)] = {"description": "; ".join(said_so), "content": error}
    return responses


def reasons(operation: Operation) -> list[Reason]:
    """Every no the operation may answer, without those of its owner that it does not name."""
    found: list[Reason] = [*operation.refuses, *ALWAYS]
    if operation.may:
        found += [*KNOWN, *GUARDS[operation.may]]
        if operation.method != "GET":
            found += [Reason.KEY_REUSED, Reason.COMMAND_PENDING]
    if operation.body or operation.query or any(operation.ids.values()) or operation.may:
        found.append(Reason.MALFORMED)
    if operation.body:
        found.append(Reason.TOO_LARGE)
    found += [UNKNOWN[name] for name in operation.ids if name in UNKNOWN]
    return list(dict.fromkeys(found))


@functools.cache
def _page(spec_url: str) -> bytes:
    return OpenAPITemplate.SWAGGER.value.format(spec_url=spec_url).encode()


def page(spec_url: str) -> Response:
    """A readable page of the document. Nothing on it is fetched from elsewhere."""
    policy = (
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
        "img-src data: 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    headers = {"Cache-Control": "public, max-age=3600", "Content-Security-Policy": policy}
    return HTMLResponse(_page(spec_url), headers=headers)
