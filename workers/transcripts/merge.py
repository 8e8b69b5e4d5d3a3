"""Everybody's speech put into one conversation: turns in order of time, overlaps kept."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from infra.contract.ids import ParticipantId
from infra.contract.views import Turn, Word
from workers.transcripts.engine import Spoken

PAUSE_MS = 1500
"A speaker who goes on within this, with nobody starting in between, is in the same turn."
TURN_MS = 30_000
"A monologue becomes a new turn after this, so that every turn can be found by its time."


@dataclass(frozen=True, slots=True)
class Speech:
    """What one participant said on one of their tracks, times on the recording's clock."""

    speaker_id: ParticipantId | None
    speaker: str
    segments: tuple[Spoken, ...]


def merge(speeches: Iterable[Speech]) -> tuple[Turn, ...]:
    """One conversation. Two people speaking at once are two turns whose times overlap."""
    said = sorted(
        ((spoken, speech) for speech in speeches for spoken in speech.segments),
        key=lambda pair: (pair[0].start_ms, pair[0].end_ms, str(pair[1].speaker_id)),
    )
    turns: list[Turn] = []
    for spoken, speech in said:
        turn = _turn(spoken, speech)
        if turns and _goes_on(turns[-1], turn):
            turns[-1] = _joined(turns[-1], turn)
        else:
            turns.append(turn)
    return tuple(turns)


def word_count(turns: Iterable[Turn]) -> int:
    return sum(len(turn.words) or len(turn.text.split()) for turn in turns)


def _turn(spoken: Spoken, speech: Speech) -> Turn:
    return Turn(
        speaker_id=speech.speaker_id,
        speaker=speech.speaker,
        start_ms=spoken.start_ms,
        end_ms=spoken.end_ms,
        text=spoken.text,
        words=spoken.words,
        confidence=_confidence(spoken.words),
    )


def _goes_on(turn: Turn, more: Turn) -> bool:
    return (
        (more.speaker_id, more.speaker) == (turn.speaker_id, turn.speaker)
        and more.start_ms - turn.end_ms <= PAUSE_MS
        and max(more.end_ms, turn.end_ms) - turn.start_ms <= TURN_MS
    )


def _joined(turn: Turn, more: Turn) -> Turn:
    words = turn.words + more.words
    return turn.model_copy(
        update={
            "end_ms": max(turn.end_ms, more.end_ms),
            "text": turn.text + _space(turn.text, more.text) + more.text,
            "words": words,
            "confidence": _confidence(words),
        }
    )


def _space(before: str, after: str) -> str:
    """A space, unless both sides are written in a script that has none between sentences."""
    wide = all(unicodedata.east_asian_width(c) in "WF" for c in (before[-1:], after[:1]) if c)
    return "" if wide else " "


def _confidence(words: tuple[Word, ...]) -> float | None:
    return round(sum(word.probability for word in words) / len(words), 3) if words else None
