"""Streams: what people send into a meeting now."""

from __future__ import annotations

from typing import Literal

from handlers.dialects import names
from handlers.dialects.chroom.wire import fields
from handlers.dialects.operation import Body, Shown
from infra.contract.views import TrackView


class Stream(Shown):
    stream_id: str
    participant_id: str
    kind: Literal["audio", "video"]
    source: Literal["microphone", "camera", "screen", "screen_audio"]
    paused: bool
    "Nothing of it is forwarded or recorded."

    @classmethod
    def of(cls, track: TrackView) -> Stream:
        return cls(
            stream_id=names.shown(fields.STREAM, track.track_id),
            participant_id=names.shown(fields.PARTICIPANT, track.participant_id),
            kind=track.kind,
            source=track.source,
            paused=track.muted,
        )


class Streams(Shown):
    items: list[Stream]
    next_cursor: None = None
    "There are few: all of them are on the one page."


class PauseStream(Body):
    paused: bool
    "True: nothing more of it is forwarded. Who sends it may always resume it themselves."


class ClosedStream(Shown):
    stream_id: str
    closed: Literal[True] = True
