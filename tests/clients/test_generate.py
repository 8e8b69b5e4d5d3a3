from __future__ import annotations

from typing import Any

import pytest

from infra.clients.generate import python, type_of


@pytest.mark.parametrize(
    ("schema", "wanted"),
    [
        ({"type": "string", "format": "uuid"}, "str"),
        ({"type": "number"}, "float"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "int | None"),
        ({"type": ["string", "null"]}, "str | None"),
        ({"enum": ["active", "ended"]}, "Literal['active', 'ended']"),
        ({"const": True}, "Literal[True]"),
        ({"$ref": "#/components/schemas/RoomConfig-Input"}, "RoomConfigInput"),
        ({"type": "array", "items": {"type": "boolean"}}, "list[bool]"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "dict[str, int]"),
        ({"type": "object", "additionalProperties": True}, "dict[str, Any]"),
        ({}, "Any"),
        (True, "Any"),
    ],
)
def test_a_schema_has_a_type(schema: Any, wanted: str) -> None:
    assert type_of(schema) == wanted


DOCUMENT: dict[str, Any] = {
    "info": {"title": "Doors", "version": "1"},
    "paths": {
        "/doors/{door_id}": {
            "patch": {
                "operationId": "paint_door",
                "summary": 'Paint a door "red" \\ """',
                "parameters": [
                    {"name": "door_id", "in": "path"},
                    {"name": "Idempotency-Key", "in": "header"},
                ],
                "requestBody": {
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Paint"}}
                    }
                },
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/Door"}}
                        }
                    }
                },
            },
            "delete": {"operationId": "shut_door", "responses": {"204": {}}},
        },
        "/socket": {"get": {"operationId": "open_socket", "responses": {"101": {}}}},
    },
    "components": {
        "schemas": {
            "Paint": {"properties": {"from": {"type": "string"}}, "required": ["from"]},
            "Door": {"properties": {"next": {"$ref": "#/components/schemas/Doors"}}},
            "Doors": {"type": "array", "items": {"$ref": "#/components/schemas/Door"}},
        }
    },
}


def test_what_is_made_of_a_document_can_be_imported() -> None:
    made: dict[str, Any] = {}

    exec(compile(python(DOCUMENT, "DoorOperations"), "doors.py", "exec"), made)

    methods = {name for name in vars(made["DoorOperations"]) if not name.startswith("_")}
    assert methods == {"paint_door", "shut_door"}
    assert made["Paint"].__required_keys__ == {"from"}
    assert made["DoorOperations"].paint_door.__doc__ == "Paint a door 'red' \\ '''"
