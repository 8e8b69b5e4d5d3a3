"""A track's sound, cut at silences into pieces small enough to do again after a crash.

A piece holds the regions of voice in it, each with a little margin and nothing of the silence
between: a recogniser given silence invents words, and one given voice without its silence puts
words in the wrong place. Only regions are kept, so a piece is at most
:data:`WINDOW_MS` of sound however long the silence before it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from faster_whisper.vad import VadOptions, get_speech_timestamps

from workers.transcripts.track import PER_MS, Loss, Piece, Region, Samples, Span

WINDOW_MS = 120_000
"Most sound one piece covers: what a killed worker transcribes again."
REGION_MS = 28_000
"Longest region before its margins: a recogniser's window is 30 s."
JOIN_MS = 600
"Voice that goes on within this is one region, so that a sentence stays whole."
MARGIN_MS = 300
"Kept on both sides of a region: soft consonants lie below what a detector calls voice."
QUIET = 1e-4
"Amplitude (-80 dBFS) below which nobody is looked for: digital silence costs nothing."

Detector = Callable[[Samples], list[Span]]
"Finds voice: spans of samples, in order, none longer than REGION_MS."


def voice_in(samples: Samples) -> list[Span]:
    """Voice as the Silero detector hears it (its weights come with faster-whisper)."""
    loud = np.flatnonzero(np.abs(samples) > QUIET)
    if not len(loud):
        return []
    # The detector needs to hear a little of what came before.
    start = max(0, int(loud[0]) - 500 * PER_MS)
    end = min(len(samples), int(loud[-1]) + 500 * PER_MS)
    options = VadOptions(
        min_speech_duration_ms=100,
        min_silence_duration_ms=250,
        max_speech_duration_s=REGION_MS / 1000,
        speech_pad_ms=0,
    )
    found = get_speech_timestamps(samples[start:end], options)
    return [(start + span["start"], start + span["end"]) for span in found]


def cut(
    blocks: Iterable[Samples],
    losses: list[Loss],
    *,
    from_ms: int = 0,
    first: int = 0,
    detect: Detector = voice_in,
) -> Iterator[Piece]:
    """Pieces of a track, numbered from `first`, whose sound from `from_ms` on is `blocks`.

    `losses` is what the reader of the blocks fills; each piece takes those that lie in it. Going on
    from the end of any piece gives the same pieces as one uninterrupted run.
    """
    buffer = _Buffer(blocks)
    start = window = from_ms * PER_MS
    n = first
    while True:
        samples, last = buffer.peek(WINDOW_MS * PER_MS)
        groups = _join(detect(samples))
        length = len(samples) if last else _cut_point(groups, len(samples))
        whole = [group for group in groups if group[0][0] < length]
        regions = tuple(_regions(whole, samples[:length], window))
        buffer.drop(length)
        window += length
        if regions or last:
            end_ms = window // PER_MS
            taken = [loss for loss in losses if last or loss.start_ms < end_ms]
            losses[:] = [loss for loss in losses if loss not in taken]
            yield Piece(n, start // PER_MS, end_ms, regions, tuple(taken))
            start, n = window, n + 1
        if last:
            return


def _join(spans: list[Span]) -> list[list[Span]]:
    groups: list[list[Span]] = []
    for span in spans:
        if (
            groups
            and span[0] - groups[-1][-1][1] < JOIN_MS * PER_MS
            and span[1] - groups[-1][0][0] <= REGION_MS * PER_MS
        ):
            groups[-1].append(span)
        else:
            groups.append([span])
    return groups


def _cut_point(groups: list[list[Span]], length: int) -> int:
    """Where the window is cut: in its last silence. A voice at its end may still be going on."""
    margin = MARGIN_MS * PER_MS
    spoken = groups[-1][-1][1] if groups else 0
    if length - spoken > 2 * margin:
        return (length - margin) // PER_MS * PER_MS
    before = groups[-2][-1][1] if len(groups) > 1 else 0
    # A region is shorter than the window, so something is left before the last one to be cut off.
    return (before + groups[-1][0][0]) // 2 // PER_MS * PER_MS or length


def _regions(groups: list[list[Span]], samples: Samples, window: int) -> Iterator[Region]:
    margin = MARGIN_MS * PER_MS
    for at, group in enumerate(groups):
        # Neighbours share the silence between them: no sound is transcribed twice.
        floor = (groups[at - 1][-1][1] + group[0][0]) // 2 if at else 0
        ceiling = (
            (group[-1][1] + groups[at + 1][0][0]) // 2 if at + 1 < len(groups) else len(samples)
        )
        start = max(floor, group[0][0] - margin) // PER_MS * PER_MS
        end = min(ceiling, group[-1][1] + margin)
        yield Region(
            start_ms=(window + start) // PER_MS,
            samples=samples[start:end].copy(),
            voice=tuple(((window + a) // PER_MS, (window + b) // PER_MS) for a, b in group),
        )


class _Buffer:
    """Blocks as one queue of samples: looked at from the front, dropped from the front."""

    def __init__(self, blocks: Iterable[Samples]) -> None:
        self._blocks = iter(blocks)
        self._held: Samples = np.zeros(0, np.float32)

    def peek(self, count: int) -> tuple[Samples, bool]:
        """Up to `count` samples, and whether nothing comes after them."""
        waiting, have = [self._held], len(self._held)
        ended = False
        while have <= count and not ended:
            block = next(self._blocks, None)
            if block is None:
                ended = True
            else:
                waiting.append(block)
                have += len(block)
        self._held = np.concatenate(waiting)
        return self._held[:count], ended and have <= count

    def drop(self, count: int) -> None:
        self._held = self._held[count:]
