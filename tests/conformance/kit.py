"""Replays a dialect's examples against a running server, in an order in which they make sense."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2
from websockets.exceptions import WebSocketException

from tests.conformance.shapes import Shape, filled, picked, wrong
from tests.conformance.stage import Stage

Credential = Mapping[str, str]
"Headers. A `{name}` in them stands for what was kept under it."
NOBODY: Credential = {}
TROUBLE = (httpx2.HTTPError, WebSocketException, OSError, RuntimeError, AssertionError)
"What may befall whoever speaks, listens and waits."


@dataclass(frozen=True)
class Example:
    """One request as a reference shows it, and all it says of the answer."""

    endpoint: str
    "As the reference writes it: `POST /rooms/:id/end`."
    shows: str
    path: str
    by: Credential = field(default_factory=dict)
    body: Any = None
    form: Any = None
    "A body that is a form's."
    status: int = 200
    shape: Shape = None
    "None: the answer has no body."
    headers: Mapping[str, Shape] = field(default_factory=dict)
    keep: Mapping[str, str] = field(default_factory=dict)
    "What later examples need, and where it is in the answer: `room: id`."
    within: int = 1
    "How often it may have to be asked until it is answered so: for limits."
    extension: bool = False
    "An answer the reference shows, at an endpoint that it does not."

    @property
    def method(self) -> str:
        return self.endpoint.partition(" ")[0]


@dataclass(frozen=True)
class Meanwhile:
    """What happens between two requests that no request brings about. What it returns is kept."""

    shows: str
    act: Callable[[Stage, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
    endpoint: str | None = None
    "The one it is an example of, if of any."


Story = Sequence[Example | Meanwhile]


@dataclass(frozen=True)
class Dialect:
    name: str
    endpoints: tuple[str, ...]
    "All that its reference documents."
    story: Story


@dataclass(frozen=True)
class Shown:
    """How an example went."""

    dialect: str
    endpoint: str
    shows: str
    wrong: tuple[str, ...]
    extension: bool = False

    @property
    def ok(self) -> bool:
        return not self.wrong


async def play(
    http: httpx2.AsyncClient, stage: Stage, dialects: Sequence[Dialect], operator_key: str
) -> list[Shown]:
    """All stories, one after the other; what the first kept, the others know."""
    kept: dict[str, Any] = {"operator": operator_key}
    return [shown for dialect in dialects for shown in await _tell(http, stage, dialect, kept)]


async def _tell(
    http: httpx2.AsyncClient, stage: Stage, dialect: Dialect, kept: dict[str, Any]
) -> list[Shown]:
    told: list[Shown] = []
    for step in dialect.story:
        if isinstance(step, Example):
            found = await _show(http, step, kept)
            told.append(
                Shown(dialect.name, step.endpoint, step.shows, tuple(found), step.extension)
            )
            continue
        problems = await _happen(stage, step, kept)
        if problems or step.endpoint:
            endpoint = step.endpoint or "(between requests)"
            told.append(Shown(dialect.name, endpoint, step.shows, problems))
    return told


async def _happen(stage: Stage, step: Meanwhile, kept: dict[str, Any]) -> tuple[str, ...]:
    """What went wrong with it."""
    try:
        kept.update(await step.act(stage, kept))
    except KeyError as missing:
        return (f"not done: an earlier example did not give {missing}",)
    except TROUBLE as error:
        return (f"{type(error).__name__}: {error}",)
    return ()


async def _show(http: httpx2.AsyncClient, example: Example, kept: dict[str, Any]) -> list[str]:
    """What is wrong with the answer."""
    try:
        path, headers = filled(example.path, kept), filled(dict(example.by), kept)
        body, form = filled(example.body, kept), filled(example.form, kept)
    except KeyError as missing:
        return [f"not asked: an earlier example did not give {missing}"]
    for _ in range(example.within):
        answer = await http.request(example.method, path, json=body, data=form, headers=headers)
        if answer.status_code == example.status:
            break
    if answer.status_code != example.status:
        return [f"status {answer.status_code}, not {example.status}: {answer.text[:160]}"]
    found = _wrong_headers(example, answer, kept)
    if example.shape is None:
        return found + ([f"has a body: {answer.text[:80]}"] if answer.content else [])
    try:
        content = answer.json()
    except ValueError:
        return [*found, f"is not JSON: {answer.text[:80]}"]
    found += wrong(example.shape, content, kept)
    for name, where in example.keep.items():
        try:
            kept[name] = picked(where, content)
        except (LookupError, TypeError, ValueError):
            found.append(f"body.{where} is not there to go on with")
    return found


def _wrong_headers(example: Example, answer: httpx2.Response, kept: Mapping[str, Any]) -> list[str]:
    return [
        line
        for name, shape in example.headers.items()
        for line in wrong(shape, answer.headers.get(name), kept, f"header {name}")
    ]
