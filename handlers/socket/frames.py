"""Text frames of the socket, taken apart and put together. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic_core import from_json, to_json

FRAME_LIMIT = 131_072
"Bytes. A description may have 64 KiB, and JSON escapes every line end of it."
PLAIN_LIMIT = 65_536
"Bytes of a frame that carries no description."
DEPTH_LIMIT = 32
ID_LIMIT = 64
"Characters of a request's `id`, and digits of a number."
EVENT_LIMIT = 64


class Framing(StrEnum):
    """How an event lies in a frame; chosen by subprotocol."""

    CHALK = "chalk"
    "{event, data}"
    PAYLOAD = "chalk.payload"
    "{type, payload}"


class BadFrame(ValueError):
    """What came is no frame of ours; the words are for the client."""


@dataclass(frozen=True, slots=True)
class Frame:
    event: str
    data: dict[str, Any]
    id: str | int | None = None
    "Echoed in the answer."


def _names(framing: Framing) -> tuple[str, str]:
    return ("type", "payload") if framing is Framing.PAYLOAD else ("event", "data")


def parse(text: str, framing: Framing) -> Frame:
    """Read one frame. A request's `id` may stand beside the event or in its data.

    Raises BadFrame; bounded in time and memory by FRAME_LIMIT whatever came.
    """
    raw = text.encode(errors="replace")
    if len(raw) > FRAME_LIMIT:
        raise BadFrame(f"a frame has at most {FRAME_LIMIT} bytes")
    try:
        value = from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise BadFrame("the frame is not JSON") from error
    if not isinstance(value, dict):
        raise BadFrame("a frame is a JSON object")
    if _deeper_than(value, DEPTH_LIMIT):
        raise BadFrame(f"a frame is nested at most {DEPTH_LIMIT} deep")
    event_name, data_name = _names(framing)
    event, data = value.get(event_name), value.get(data_name)
    if not isinstance(event, str) or not 0 < len(event) <= EVENT_LIMIT:
        raise BadFrame(f"`{event_name}` names what the frame is")
    if len(raw) > PLAIN_LIMIT and not event.startswith("media."):
        raise BadFrame(f"a frame of this kind has at most {PLAIN_LIMIT} bytes")
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise BadFrame(f"`{data_name}` is an object")
    return Frame(event, data, _id(value.get("id", data.pop("id", None))))


def render(framing: Framing, event: str, data: dict[str, Any], id: str | int | None = None) -> str:
    event_name, data_name = _names(framing)
    frame: dict[str, Any] = {event_name: event, data_name: data}
    if id is not None:
        frame["id"] = id
    return to_json(frame).decode()


def _id(value: object) -> str | int | None:
    if value is None or (isinstance(value, str) and len(value) <= ID_LIMIT):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**ID_LIMIT:
        return value
    raise BadFrame(f"`id` is a string of at most {ID_LIMIT} characters, or an integer")


def _deeper_than(value: object, limit: int) -> bool:
    layer = [value]
    for _ in range(limit):
        inner: list[object] = []
        for item in layer:
            if isinstance(item, dict):
                inner.extend(item.values())
            elif isinstance(item, list):
                inner.extend(item)
        if not inner:
            return False
        layer = inner
    return any(isinstance(item, dict | list) for item in layer)
