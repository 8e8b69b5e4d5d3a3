"""Python out of an OpenAPI document: a TypedDict for every schema, a method for every operation."""

from __future__ import annotations

import keyword
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]
Schema = Mapping[str, Any]

LINE = 100
HEAD = '''\
"""{title}, version {version}: what it reads and answers. Made from its document."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict, Unpack

from parley_client.session import Operation, Session
'''
PLAIN = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
    "object": "dict[str, Any]",
    "array": "list[Any]",
}


def python(document: Document, class_name: str) -> str:
    """A module's source. Every name in it comes from the document."""
    info = document["info"]
    schemas = document.get("components", {}).get("schemas", {})
    operations = list(_operations(document))
    queries = {type_name(each.query): each.parameters for each in operations if each.parameters}
    parts = [HEAD.format(title=info["title"], version=info["version"])]
    parts += [_typed_dict(name, schema) for name, schema in _ordered(schemas, queries)]
    parts.append(_class(class_name, operations))
    return "\n\n\n".join(parts) + "\n"


def type_name(schema_name: str) -> str:
    return re.sub(r"\W", "", schema_name)


def type_of(schema: Schema | bool) -> str:
    """The type of what a schema describes."""
    if isinstance(schema, bool):
        return "Any"
    if reference := schema.get("$ref"):
        return type_name(reference.rpartition("/")[2])
    if "const" in schema:
        return f"Literal[{schema['const']!r}]"
    if "enum" in schema:
        return f"Literal[{', '.join(repr(each) for each in schema['enum'])}]"
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return " | ".join(dict.fromkeys(type_of(each) for each in choices))
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(PLAIN[each] for each in kind)
    if kind == "array" and "items" in schema:
        return f"list[{type_of(schema['items'])}]"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"dict[str, {type_of(schema['additionalProperties'])}]"
    return PLAIN.get(kind or "", "Any")


def _ordered(
    schemas: Mapping[str, Schema], queries: Mapping[str, list[Schema]]
) -> Iterator[tuple[str, Schema]]:
    yield from schemas.items()
    for name, parameters in queries.items():
        yield (
            name,
            {
                "properties": {each["name"]: each["schema"] for each in parameters},
                "required": [each["name"] for each in parameters if each.get("required")],
            },
        )


def _typed_dict(schema_name: str, schema: Schema) -> str:
    name = type_name(schema_name)
    if "properties" not in schema:
        return f'{name}: TypeAlias = "{type_of(schema).replace(chr(34), chr(39))}"'
    required = set(schema.get("required", ()))
    fields = {
        field: type_of(inner) if field in required else f"NotRequired[{type_of(inner)}]"
        for field, inner in schema["properties"].items()
    }
    if not all(_is_name(field) for field in fields):
        listed = ", ".join(f"{field!r}: {kind!r}" for field, kind in fields.items())
        return f"{name} = TypedDict({name!r}, {{{listed}}})"
    return "\n".join(
        [
            f"class {name}(TypedDict):",
            *_docstring(str(schema.get("description", "")), "    "),
            *(f"    {field}: {kind}" for field, kind in fields.items()),
            *([] if fields else ["    pass"]),
        ]
    )


@dataclass(frozen=True)
class Described:
    """An operation as the document has it."""

    name: str
    method: str
    path: str
    said: str
    parameters: list[Schema]
    "Those of the query."
    body: str | None
    "The type of its body."
    answer: str
    texts: bool
    "It can also answer in formats that are not JSON."
    keyed: bool
    "It takes an `Idempotency-Key`."
    conditional: bool
    "It takes an `If-Match`."

    @property
    def ids(self) -> list[str]:
        return re.findall(r"{(\w+)}", self.path)

    @property
    def query(self) -> str:
        return "".join(word.title() for word in self.name.split("_")) + "Query"


def _operations(document: Document) -> Iterator[Described]:
    for path, methods in document["paths"].items():
        for method, entry in methods.items():
            described = _described(path, method, entry)
            if described is not None:
                yield described


def _described(path: str, method: str, entry: Schema) -> Described | None:
    """None for what is not asked over HTTP, such as a socket, or not in JSON."""
    if "101" in entry["responses"] or not entry.get("operationId"):
        return None
    accepted = entry.get("requestBody", {}).get("content", {})
    if accepted and "application/json" not in accepted:
        return None
    done = [answer for status, answer in entry["responses"].items() if status[0] == "2"]
    content: dict[str, Schema] = {}
    for answer in done:
        content |= answer.get("content", {})
    named = {each["name"] for each in entry.get("parameters", ()) if each["in"] == "header"}
    json_answer = content.get("application/json")
    return Described(
        name=entry["operationId"],
        method=method.upper(),
        path=path,
        said="\n\n".join(filter(None, (entry.get("summary"), entry.get("description")))),
        parameters=[each for each in entry.get("parameters", ()) if each["in"] == "query"],
        body=type_of(accepted["application/json"]["schema"]) if accepted else None,
        answer=type_of(json_answer["schema"]) if json_answer else "None",
        texts=any("json" not in media for media in content),
        keyed="Idempotency-Key" in named,
        conditional="If-Match" in named,
    )


def _class(name: str, operations: Iterable[Described]) -> str:
    methods: list[str] = []
    for each in operations:
        methods.append(_method(each))
        if each.texts:
            methods.append(_method(each, as_text=True))
    return f"class {name}(Session):\n" + "\n\n".join(methods)


def _method(each: Described, *, as_text: bool = False) -> str:
    given = [*(f"{id}: str" for id in each.ids), "/"] if each.ids else []
    options = [
        *(["query: " + each.query + " | None = None"] if each.parameters and each.body else []),
        *(["idempotency_key: str | None = None"] if each.keyed else []),
        *(["if_match: str | None = None"] if each.conditional else []),
    ]
    fields = each.body or (each.query if each.parameters else None)
    signature = [
        "self",
        *given,
        *(["*", *options] if options else []),
        *([f"**fields: Unpack[{fields}]"] if fields else []),
    ]
    passed = [
        f"{{{', '.join(f'{id!r}: {id}' for id in each.ids)}}}" if each.ids else "{}",
        *(["body=fields"] if each.body else []),
        *(["query=fields"] if fields and not each.body else []),
        *(["query=query"] if each.parameters and each.body else []),
        *(["idempotency_key=idempotency_key"] if each.keyed else []),
        *(["if_match=if_match"] if each.conditional else []),
    ]
    operation = f"Operation({each.method!r}, {each.path!r}, keyed={each.keyed})"
    answer = "str" if as_text else each.answer
    asked = [
        f"self.{'_read' if as_text else '_perform'}(",
        f"    {operation},",
        *(f"    {part}," for part in passed),
        ")",
    ]
    asked[0] = asked[0] if answer == "None" else f"answer: {answer} = {asked[0]}"
    lines = [
        f"def {each.name}{'_text' if as_text else ''}(",
        *(f"    {part}," for part in signature),
        f") -> {answer}:",
        *_docstring(each.said, "    "),
        *(f"    {line}" for line in asked),
        *([] if answer == "None" else ["    return answer"]),
    ]
    return textwrap.indent("\n".join(lines), "    ")


def _docstring(said: str, indent: str) -> list[str]:
    if not said:
        return []
    # Nothing a document says ends the docstring or escapes in it.
    safe = said.replace("\\", "\\\\").replace('"', "'")
    lines = [
        line
        for paragraph in safe.splitlines()
        for line in (textwrap.wrap(paragraph, LINE - 12) or [""])
    ]
    if len(lines) == 1:
        return [f'{indent}"""{lines[0]}"""']
    return [
        f'{indent}"""{lines[0]}',
        *(f"{indent}{line}".rstrip() for line in lines[1:]),
        f'{indent}"""',
    ]


def _is_name(text: str) -> bool:
    return text.isidentifier() and not keyword.iskeyword(text)
