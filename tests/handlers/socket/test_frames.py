from __future__ import annotations

import json

import pytest

from handlers.socket.frames import (
    DEPTH_LIMIT,
    FRAME_LIMIT,
    PLAIN_LIMIT,
    BadFrame,
    Frame,
    Framing,
    parse,
    render,
)


def test_both_framings_say_the_same() -> None:
    plain = parse('{"event": "chat.send", "data": {"text": "hi"}, "id": 7}', Framing.CHALK)
    payload = parse('{"type": "chat.send", "payload": {"text": "hi"}, "id": 7}', Framing.PAYLOAD)

    assert plain == payload == Frame("chat.send", {"text": "hi"}, 7)


def test_an_id_may_stand_in_the_data() -> None:
    frame = parse('{"event": "ping", "data": {"id": "a1"}}', Framing.CHALK)

    assert frame == Frame("ping", {}, "a1")


def test_data_may_be_left_out() -> None:
    assert parse('{"event": "ping"}', Framing.CHALK).data == {}


def test_what_is_rendered_is_read_back_with_its_id() -> None:
    for framing in Framing:
        text = render(framing, "pong", {"at": "now"}, "x")

        assert parse(text, framing) == Frame("pong", {"at": "now"}, "x")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '"ping"',
        "{",
        '{"event": 1}',
        '{"event": ""}',
        '{"event": "ping", "data": []}',
        '{"event": "ping", "data": NaN}',
        '{"event": "ping", "data": {"n": Infinity}}',
        '{"event": "ping", "id": {}}',
        '{"event": "ping", "id": true}',
        '{"event": "ping", "id": 1e400}',
        '{"event": "ping", "id": ' + "9" * 5000 + "}",
        '{"event": "ping", "id": "' + "i" * 65 + '"}',
        '{"event": "' + "e" * 65 + '"}',
        '{"event": "ping", "data": {"s": "\\ud800"}}',
        "\ud800",
        '{"type": "ping"}',
    ],
)
def test_what_is_no_frame_is_refused(text: str) -> None:
    with pytest.raises(BadFrame):
        parse(text, Framing.CHALK)


def nested(levels: int) -> str:
    """A frame of that many levels."""
    return '{"event":"ping","data":{"x":' + "[" * (levels - 2) + "]" * (levels - 2) + "}}"


def test_frames_are_nested_so_deep_and_no_deeper() -> None:
    assert parse(nested(DEPTH_LIMIT), Framing.CHALK).event == "ping"
    for levels in (DEPTH_LIMIT + 1, 150, 60_000):
        with pytest.raises(BadFrame):
            parse(nested(levels), Framing.CHALK)


def sized(event: str, size: int) -> str:
    frame = json.dumps({"event": event, "data": {"offer": ""}})
    return frame.replace('""', '"' + "x" * (size - len(frame)) + '"')


def test_only_descriptions_may_be_large() -> None:
    assert parse(sized("media.publish", FRAME_LIMIT), Framing.CHALK).event == "media.publish"
    assert parse(sized("chat.send", PLAIN_LIMIT), Framing.CHALK).event == "chat.send"
    for text in (sized("media.publish", FRAME_LIMIT + 1), sized("chat.send", PLAIN_LIMIT + 1)):
        with pytest.raises(BadFrame):
            parse(text, Framing.CHALK)


def test_size_counts_bytes_not_characters() -> None:
    with pytest.raises(BadFrame):
        parse(
            json.dumps({"event": "chat.send", "data": "é" * 40_000}, ensure_ascii=False),
            Framing.CHALK,
        )
