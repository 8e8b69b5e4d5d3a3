"""Recognisers that need no model: they say what they were told to, when they are told to."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass, field

from infra.contract.views import Word
from workers.child import ChildDied
from workers.transcripts.engine import Heard, Spoken, Task
from workers.transcripts.track import Piece, Region


def region_times(region: Region) -> str:
    """Words that betray exactly which sound they were made from."""
    return f"voice from {region.start_ms}"


class Killed(BaseException):
    """The worker itself is gone: nothing of it runs any more."""


@dataclass(slots=True)
class StubEngine:
    """Says one segment for every region: what `say` makes of it. Calls count from 0."""

    say: Callable[[Region], str] = region_times
    deaths: Container[int] = ()
    "Calls that end as if the recogniser's child had been killed."
    kills: Container[int] = ()
    "Calls that end as if the worker had been killed."
    calls: list[Piece] = field(default_factory=list)
    languages: list[str | None] = field(default_factory=list)
    closed: int = 0

    def transcribe(
        self,
        piece: Piece,
        *,
        language: str | None = None,
        task: Task = "transcribe",
        keywords: tuple[str, ...] = (),
    ) -> Heard:
        self.calls.append(piece)
        self.languages.append(language)
        if len(self.calls) - 1 in self.kills:
            raise Killed
        if len(self.calls) - 1 in self.deaths:
            raise ChildDied("killed")
        spoken = [_spoken(self.say(region), region) for region in piece.regions]
        return Heard(segments=tuple(spoken), language=language or "en", language_probability=0.9)

    def close(self) -> None:
        self.closed += 1


def _spoken(text: str, region: Region) -> Spoken:
    words = text.split()
    step = (region.end_ms - region.start_ms) // max(1, len(words))
    return Spoken(
        start_ms=region.start_ms,
        end_ms=region.end_ms,
        text=text,
        words=tuple(
            Word(
                text=word,
                start_ms=region.start_ms + at * step,
                end_ms=region.start_ms + (at + 1) * step,
                probability=0.9,
            )
            for at, word in enumerate(words)
        ),
        avg_logprob=-0.1,
        no_speech_prob=0.0,
        compression_ratio=1.0,
    )
