"""The document of an API (OpenAPI 3.1), out of the same table that serves it, and its page."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from offapi import OpenAPITemplate
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from starlette.responses import HTMLResponse, Response

from handlers.auth import May
from handlers.dialects import names
from handlers.dialects.dialect import Dialect, Document
from handlers.dialects.http import LONGEST_NAME, UNKNOWN
from handlers.dialects.lines import LINE
from handlers.dialects.operation import Operation
from infra.contract.refusals import Reason

Schemas = Mapping[tuple[Any, JsonSchemaMode], Mapping[str, Any]]
"By model and by whether it is read or shown."

GUARDS = {
    May.JOIN: (Reason.NOT_ALLOWED,),
    May.LEAD: (Reason.HOST_ONLY,),
    May.GOVERN: (Reason.NOT_ALLOWED,),
    May.OPERATE: (Reason.NOT_ALLOWED,),
}
KNOWN = (Reason.NO_CREDENTIALS, Reason.BAD_CREDENTIALS, Reason.TOKEN_EXPIRED)
EXAMPLE_ID = UUID("0198f3c2-7b5a-7c31-9a55-0f2f5d6f7a10")
IDEMPOTENCY_KEY: Document = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A retry under the same key is the same command, and gets the same answer.",
    "schema": {"type": "string", "maxLength": 255, "pattern": "^[!-~]+$"},
}
IF_MATCH: Document = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "An `ETag` seen before: what has changed since then is left alone, and 412.",
    "schema": {"type": "string"},
}
ETAG: Document = {
    "description": "Changes when what an update may change does: what `If-Match` takes.",
    "required": True,
    "schema": {"type": "string"},
}


def document(dialect: Dialect) -> Document:
    table = list(dialect.operations)
    schemas, definitions = models_json_schema(
        [
            *{(operation.body, "validation") for operation in table if operation.body},
            *{(operation.query, "validation") for operation in table if operation.query},
            *{(operation.shown, "serialization") for operation in table if operation.shown},
            (dialect.error, "serialization"),
        ],
        ref_template="#/components/schemas/{model}",
    )
    components = definitions.get("$defs", {})
    paths: Document = {}
    for operation in table:
        entry = _operation(dialect, operation, schemas, components)
        paths.setdefault(operation.path, {})[operation.method.lower()] = entry
    return {
        "openapi": "3.1.0",
        "info": {
            "title": dialect.title,
            "version": dialect.version,
            "description": dialect.description,
        },
        "servers": [{"url": prefix} for prefix in dialect.prefixes],
        "tags": [{"name": tag} for tag in dict.fromkeys(each.tag for each in table)],
        "paths": {**paths, **dialect.also},
        "components": {"schemas": components, "securitySchemes": dict(dialect.security)},
    }


def _operation(
    dialect: Dialect, operation: Operation, schemas: Schemas, components: Mapping[str, Any]
) -> Document:
    entry: Document = {
        "operationId": operation.handler.__name__,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": [*_parameters(dialect, operation, schemas, components)],
        "responses": _responses(dialect, operation, schemas),
        "security": _security(dialect, operation) if operation.may else [],
    }
    if operation.description:
        entry["description"] = operation.description
    if operation.may:
        entry["x-may"] = operation.may.value
    if operation.extension:
        entry["x-extension"] = True
    takes_key = operation.method != "GET" and operation.may is not None
    if takes_key or Reason.KEY_REUSED in operation.refuses:
        entry["parameters"].append(IDEMPOTENCY_KEY)
    if operation.conditional:
        entry["parameters"].append(IF_MATCH)
    if operation.body:
        entry["requestBody"] = {
            "required": any(field.is_required() for field in operation.body.model_fields.values()),
            "content": {
                "application/json": {"schema": schemas[operation.body, "validation"]},
                **{media: {"schema": {"type": "string"}} for media in operation.body.also_read},
            },
        }
    return entry


def _security(dialect: Dialect, operation: Operation) -> list[Document]:
    scopes = [operation.scope] if operation.scope else []
    return [
        {name: scopes if scheme["type"] == "oauth2" else []}
        for name, scheme in dialect.security.items()
    ]


def _parameters(
    dialect: Dialect, operation: Operation, schemas: Schemas, components: Mapping[str, Any]
) -> Iterable[Document]:
    for name, is_id in operation.ids.items():
        schema: Document = {"type": "string"}
        if word := dialect.ids.get(name):
            schema["examples"] = [names.shown(word, EXAMPLE_ID)]
        elif is_id:
            schema["format"] = "uuid"
        else:
            schema |= {"minLength": 1, "maxLength": LONGEST_NAME, "pattern": LINE}
        yield {"name": name, "in": "path", "required": True, "schema": schema}
    if operation.query:
        reference = schemas[operation.query, "validation"]["$ref"]
        described = components[reference.rpartition("/")[2]]
        for name, schema in described["properties"].items():
            required = name in described.get("required", ())
            yield {"name": name, "in": "query", "required": required, "schema": schema}


def _responses(dialect: Dialect, operation: Operation, schemas: Schemas) -> Document:
    content: Document = {}
    if operation.shown:
        content["application/json"] = {"schema": schemas[operation.shown, "serialization"]}
    content |= {media: {"schema": {"type": "string"}} for media in operation.media}
    done = {
        "description": "Done",
        **({"headers": {"ETag": ETAG}} if operation.tagged else {}),
        **({"content": content} if content else {}),
    }
    responses: Document = {str(status): done for status in (operation.status, *operation.also)}
    refused: dict[int, list[str]] = {}
    for reason in reasons(dialect, operation):
        status, said = dialect.says.words[reason]
        refused.setdefault(status, []).append(f"{said} (`{dialect.says.code(reason)}`)")
    error = {"application/json": {"schema": schemas[dialect.error, "serialization"]}}
    for status, said_so in sorted(refused.items()):
        responses[str(status)] = {"description": "; ".join(said_so), "content": error}
    return responses


def reasons(dialect: Dialect, operation: Operation) -> list[Reason]:
    """Every no the operation may answer, without those of its owner that it does not name."""
    found: list[Reason] = [*operation.refuses, *dialect.always]
    if operation.may:
        found += [*KNOWN, *GUARDS[operation.may]]
        if operation.method != "GET":
            found += [Reason.KEY_REUSED, Reason.COMMAND_PENDING]
    if operation.scope:
        found.append(Reason.SCOPE_MISSING)
    if operation.conditional:
        found.append(Reason.PRECONDITION_FAILED)
    if operation.body or operation.query or any(operation.ids.values()) or operation.may:
        found.append(Reason.MALFORMED)
    if operation.body:
        found.append(Reason.TOO_LARGE)
    found += [UNKNOWN[name] for name in operation.ids if name in UNKNOWN]
    return list(dict.fromkeys(found))


@functools.cache
def _page(spec_url: str) -> bytes:
    return OpenAPITemplate.SWAGGER.value.format(spec_url=spec_url).encode()


PAGE_HEADERS = {
    "Cache-Control": "public, max-age=3600",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
        "img-src data: 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
}


def page(spec_url: str) -> Response:
    """A readable page of the document. Nothing on it is fetched from elsewhere."""
    return HTMLResponse(_page(spec_url), headers=PAGE_HEADERS)
