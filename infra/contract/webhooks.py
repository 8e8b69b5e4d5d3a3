"""What is told to webhook endpoints, and under which names."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

NAMES: Final[Mapping[str, str]] = {
    "room.started": "meeting.started",
    "room.ended": "meeting.ended",
    "room.cancelled": "meeting.cancelled",
    "participant.joined": "participant.joined",
    "participant.left": "participant.left",
    "recording.started": "meeting.recording_started",
    "recording.stopped": "meeting.recording_stopped",
    "recording.ready": "meeting.recording_ready",
    "recording.failed": "meeting.recording_failed",
    "transcript.ready": "meeting.transcript_ready",
    "transcript.failed": "meeting.transcript_failed",
}
"Kinds of events in a room's log that endpoints hear of, and what they are called there."

RECORDING_READY: Final = NAMES["recording.ready"]
TRANSCRIPT_OVER: Final = ("transcript.ready", "transcript.failed")
"What an event of a recording, held back for its transcript, waits for."
TEST: Final = "webhook.test"
"Tells of nothing; sent only when it is asked for, and to any endpoint."

SEALED_FOR: Final = "webhook"
"The purpose that endpoints' secrets are sealed for."

EVENTS: Final = tuple(NAMES.values())
"What an endpoint may ask to hear of."


class Part(StrEnum):
    """What may be in the event of a finished recording."""

    RECORDING = "recording"
    TRANSCRIPT = "transcript"
    SUMMARY = "summary"
    ACTION_ITEMS = "action_items"


USUAL_PARTS: Final = frozenset({Part.RECORDING, Part.TRANSCRIPT})
"""For endpoints that said nothing of it. Nobody summarises meetings here, so whoever asks for
`summary` or `action_items` is told in `errors` that there is none."""
