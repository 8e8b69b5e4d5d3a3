"""Turns as files that players and people read: WebVTT, SRT, plain text.

What was said is data wherever it ends up: markup that somebody spoke, or put in their name, is
shown and never obeyed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from infra.contract.views import Turn

CUE_CHARS = 84
"Two lines of 42, the customary subtitle."
CUE_MS = 7000
"Longest a subtitle stays."
SHORTEST_MS = 1
UNPRINTABLE = ("Cc", "Cs", "Co", "Cn")
"Unicode categories: control, surrogate, private use, unassigned."
BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"Unicode UAX 9, section 2: explicit embeddings, overrides and isolates."
LOOKALIKES = str.maketrans({"<": "‹", ">": "›"})


@dataclass(frozen=True, slots=True)
class Cue:
    """One subtitle."""

    speaker: str
    start_ms: int
    end_ms: int
    text: str


def cues(turns: Iterable[Turn]) -> Iterator[Cue]:
    """Turns cut between words into what can be read at once, in order of their starts."""
    found = [cue for turn in turns for cue in _cues_of(turn)]
    # WebVTT section 4.1: a cue's start is not before that of any cue above it.
    return iter(sorted(found, key=lambda cue: (cue.start_ms, cue.end_ms)))


def to_webvtt(turns: Iterable[Turn]) -> str:
    """W3C WebVTT with a voice span for the speaker (section 4.2.2), for `text/vtt`."""
    blocks = ["WEBVTT\n"]
    for number, cue in enumerate(cues(turns), 1):
        start, end = _clock(cue.start_ms, "."), _clock(cue.end_ms, ".")
        voice = f"<v {_escaped(cue.speaker)}>" if cue.speaker else ""
        blocks.append(f"{number}\n{start} --> {end}\n{voice}{_escaped(cue.text)}\n")
    return "\n".join(blocks)


def to_srt(turns: Iterable[Turn]) -> str:
    """SubRip, for `application/x-subrip`.

    It has no specification and no escapes, and players obey <i> and <font>: angle brackets become
    the quotation marks that look like them.
    """
    blocks = []
    for number, cue in enumerate(cues(turns), 1):
        start, end = _clock(cue.start_ms, ","), _clock(cue.end_ms, ",")
        line = f"{cue.speaker}: {cue.text}" if cue.speaker else cue.text
        blocks.append(f"{number}\n{start} --> {end}\n{line.translate(LOOKALIKES)}\n")
    return "\n".join(blocks)


def to_text(turns: Iterable[Turn]) -> str:
    """One line a turn, for `text/plain`: when, who, what."""
    return "".join(
        f"[{_clock(turn.start_ms, '.')[:8]}] {_line(turn.speaker)}: {_line(turn.text)}\n"
        for turn in turns
    )


def _cues_of(turn: Turn) -> Iterator[Cue]:
    speaker = _line(turn.speaker)
    first = at = 0  # where the cue begins in the text, and how far its words have been found
    start_ms = end_ms = turn.start_ms
    for word in turn.words:
        found = turn.text.find(word.text, at)
        if found < 0:
            # The words are not those of the text: it cannot be cut by them.
            yield _cue(speaker, turn.start_ms, turn.end_ms, turn.text)
            return
        too_long = found + len(word.text) - first > CUE_CHARS
        if at > first and (too_long or word.end_ms - start_ms > CUE_MS):
            yield _cue(speaker, start_ms, end_ms, turn.text[first:found])
            first, start_ms = found, word.start_ms
        at, end_ms = found + len(word.text), word.end_ms
    rest = turn.text[first:]
    if rest.strip():
        yield _cue(speaker, start_ms, max(end_ms, turn.end_ms), rest)


def _cue(speaker: str, start_ms: int, end_ms: int, text: str) -> Cue:
    # WebVTT section 4.1: a cue ends after it starts.
    return Cue(speaker, start_ms, max(end_ms, start_ms + SHORTEST_MS), _line(text))


def _line(text: str) -> str:
    """One line without controls: a blank line would end a cue, a bidi override swap its letters."""
    kept = (c for c in text if c.isspace() or unicodedata.category(c) not in UNPRINTABLE)
    return " ".join("".join(c for c in kept if c not in BIDI_CONTROLS).split())


def _escaped(text: str) -> str:
    """WebVTT section 4.2.2: & and < start something, and --> may not appear."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(ms: int, point: str) -> str:
    seconds, ms = divmod(max(0, ms), 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{ms:03}"
