"""Something valid to send, made of what an operation says it reads."""

from __future__ import annotations

from typing import Any

from handlers.dialects.operation import Operation

Schema = dict[str, Any]


def body(operation: Operation) -> Any:
    """The body's own example, else the least it may be; None where it reads none."""
    if operation.body is None:
        return None
    schema = operation.body.model_json_schema()
    return sample(schema, schema.get("$defs", {}))


def sample(schema: Schema, definitions: dict[str, Schema]) -> Any:
    if "$ref" in schema:
        return sample(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if schema.get("examples"):
        return schema["examples"][0]
    for known in ("const", "default"):
        if known in schema:
            return schema[known]
    if "enum" in schema:
        return schema["enum"][0]
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return sample(next(each for each in options if each.get("type") != "null"), definitions)
    match schema.get("type"):
        case "object":
            wanted = schema.get("required", ())
            return {
                name: sample(inner, definitions)
                for name, inner in schema.get("properties", {}).items()
                if name in wanted
            }
        case "array":
            return [sample(schema["items"], definitions)] * schema.get("minItems", 0)
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case _:
            return _text(schema)


def _text(schema: Schema) -> str:
    known = {
        "uuid": "0198f3c2-7b5a-7c31-9a55-0f2f5d6f7a10",
        "date-time": "2031-05-01T12:00:00Z",
        "email": "ann@example.org",
        "uri": "https://example.org/hook",
    }
    text = known.get(schema.get("format", ""), "sample")
    return text.ljust(schema.get("minLength", 0), "x")
