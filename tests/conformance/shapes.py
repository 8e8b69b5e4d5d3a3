"""What an answer must look like, as data, and what is wrong with one that does not.

A shape is

- a type (`str`, `int`, `float`, `bool`): any value of it; JSON's numbers have no kinds, so `float`
  takes any number and `int` any whole one, and neither takes a bool;
- a dict: an object with at least these fields, each of its shape;
- a list of one shape: an array with at least one element, each of that shape;
- a `Check`: what the others cannot say;
- any other value: that very value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

Shape = Any
ABSENT: object = object()
"Stands for the value of a field that is not there."
NAMES: Mapping[type, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "an object",
    list: "an array",
    type(None): "null",
}


@dataclass(frozen=True)
class Check:
    """A predicate and how it is called when a value fails it."""

    says: str
    holds: Callable[[Any], bool]


@dataclass(frozen=True)
class Kept:
    """The value an earlier answer was kept by, or one made of such: `Kept("{room}")`."""

    text: str


@dataclass(frozen=True)
class OrNull:
    """Null where there is nothing to say yet, else the shape."""

    shape: Shape


@dataclass(frozen=True)
class Each:
    """An array, empty or not, of elements of this shape."""

    shape: Shape


@dataclass(frozen=True)
class Has:
    """An array one of whose elements is of this shape, and all of them of `each`."""

    shape: Shape
    each: Shape


@dataclass(frozen=True)
class Either:
    """Any of these shapes."""

    shapes: tuple[Shape, ...]


def either(*shapes: Shape) -> Either:
    return Either(shapes)


def _is_time(value: Any) -> bool:
    if not isinstance(value, str) or not value.endswith("Z"):
        return False
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _is_uuid(value: Any) -> bool:
    try:
        return isinstance(value, str) and str(UUID(value)) == value
    except ValueError:
        return False


def matching(pattern: str, says: str) -> Check:
    whole = re.compile(pattern)
    return Check(says, lambda value: isinstance(value, str) and bool(whole.fullmatch(value)))


TIME = Check("an ISO 8601 time in UTC with a Z", _is_time)
UUID_TEXT = Check("a UUID", _is_uuid)
URL = matching(r"https?://\S+", "an http URL")
JWT = matching(r"[\w-]+\.[\w-]+\.[\w-]+", "a JWT")
NUMBER_TEXT = matching(r"\d+", "a whole number in text")
EMPTY = Check("an empty array", lambda value: value == [])
NOT_THERE = Check("no such field", lambda value: value is ABSENT)


def word_id(word: str) -> Check:
    return matching(rf"{word}_[0-9A-Za-z]+", f"an id such as {word}_abc123")


def wrong(shape: Shape, value: Any, kept: Mapping[str, Any], at: str = "body") -> Iterator[str]:
    """Everything that is not as the shape says."""
    match shape:
        case Kept():
            wanted = filled(shape.text, kept)
            if value != wanted:
                yield f"{at} is {_short(value)}, not {_short(wanted)}"
        case OrNull():
            if value is not None:
                yield from wrong(shape.shape, value, kept, at)
        case Either():
            found = [list(wrong(each, value, kept, at)) for each in shape.shapes]
            if all(found):
                yield " / ".join(wrongs[0] for wrongs in found)
        case Check():
            if not shape.holds(value):
                yield f"{at} is {_short(value)}, not {shape.says}"
        case Each() | Has() | list():
            yield from _wrong_array(shape, value, kept, at)
        case dict():
            if not isinstance(value, dict):
                yield f"{at} is {_short(value)}, not an object"
                return
            for name, inner in shape.items():
                if name in value or inner is NOT_THERE:
                    yield from wrong(inner, value.get(name, ABSENT), kept, f"{at}.{name}")
                else:
                    yield f"{at}.{name} is missing"
        case type():
            if not _is_of(shape, value):
                yield f"{at} is {_short(value)}, not {NAMES[shape]}"
        case _:
            if value != shape or isinstance(value, bool) != isinstance(shape, bool):
                yield f"{at} is {_short(value)}, not {_short(shape)}"


def _wrong_array(shape: Each | Has | list[Shape], value: Any, kept: Any, at: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{at} is {_short(value)}, not an array"
        return
    each = shape[0] if isinstance(shape, list) else shape.shape
    if isinstance(shape, Has):
        if not any(not list(wrong(each, one, kept)) for one in value):
            closest = min((list(wrong(each, one, kept, at)) for one in value), key=len, default=[])
            yield f"{at} has no such element: {'; '.join(closest[:2]) or 'it is empty'}"
        each = shape.each
    elif isinstance(shape, list) and not value:
        yield f"{at} is empty"
    for number, one in enumerate(value):
        yield from wrong(each, one, kept, f"{at}[{number}]")


def _is_of(kind: type, value: Any) -> bool:
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def filled(template: Any, kept: Mapping[str, Any]) -> Any:
    """With `{name}` for what was kept under it. Raises KeyError for what was not."""
    match template:
        case str():
            whole = re.fullmatch(r"{(\w+)}", template)
            if whole:
                return kept[whole[1]]
            return re.sub(r"{(\w+)}", lambda found: str(kept[found[1]]), template)
        case dict():
            return {name: filled(inner, kept) for name, inner in template.items()}
        case list():
            return [filled(inner, kept) for inner in template]
        case _:
            return template


def picked(path: str, body: Any) -> Any:
    """`data.participants.0.id` out of a body. Raises LookupError, TypeError."""
    for step in path.split("."):
        body = body[int(step)] if isinstance(body, list) else body[step]
    return body


def _short(value: Any) -> str:
    if value is ABSENT:
        return "missing"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
