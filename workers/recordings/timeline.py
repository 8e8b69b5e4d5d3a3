"""What is to be seen and heard when, on one recording's clock. Plans, and opens no media."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

HOLD_MS = 2000
"A picture may be missing for so long before its place turns black. A loss is shorter."
MOST_PLACES = 16
"Pictures shown at once. Who comes later than that is heard and not seen."
MOST_WIDTH, MOST_HEIGHT = 1280, 720
LONGEST_MS = 24 * 3600 * 1000
"Nothing later than this is believed: a damaged time cannot ask for years of black."


@dataclass(frozen=True, slots=True)
class Clip:
    """One segment, fetched."""

    path: Path
    kind: Literal["audio", "video"]
    track: str
    who: str
    "Participant and source: whose place in the picture it is."
    t0_ms: int
    dur_ms: int

    @property
    def end_ms(self) -> int:
        return self.t0_ms + self.dur_ms


@dataclass(frozen=True, slots=True)
class Showing:
    """One picture in one place for a while, from clips that follow each other."""

    place: int
    clips: tuple[Clip, ...]

    @property
    def start_ms(self) -> int:
        return self.clips[0].t0_ms

    @property
    def end_ms(self) -> int:
        return max(clip.end_ms for clip in self.clips)


@dataclass(frozen=True, slots=True)
class Box:
    """Pixels in the picture; all even, as the colour planes have half of them."""

    x: int
    y: int
    width: int
    height: int


def usable(clips: Iterable[Clip]) -> list[Clip]:
    """In order of time, without those whose times cannot be."""
    return sorted(
        (c for c in clips if c.t0_ms >= 0 and c.dur_ms > 0 and c.end_ms <= LONGEST_MS),
        key=lambda c: (c.t0_ms, c.track),
    )


def end_ms(clips: Iterable[Clip]) -> int:
    return max((clip.end_ms for clip in clips), default=0)


def tracks(clips: Iterable[Clip]) -> list[list[Clip]]:
    """Each track's clips, in order."""
    found: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        found[clip.track].append(clip)
    return list(found.values())


def showings(clips: Sequence[Clip]) -> list[Showing]:
    """Who is seen where. People keep their place, and get it back while nobody else has it."""
    stretches: list[list[Clip]] = []
    latest: dict[str, list[Clip]] = {}
    for clip in clips:
        stretch = latest.get(clip.who)
        if stretch is None or clip.t0_ms > max(c.end_ms for c in stretch) + HOLD_MS:
            stretch = latest[clip.who] = []
            stretches.append(stretch)
        stretch.append(clip)
    taken_until: list[int] = []
    had: dict[str, int] = {}
    shown: list[Showing] = []
    for stretch in stretches:
        start, who = stretch[0].t0_ms, stretch[0].who
        free = [place for place, until in enumerate(taken_until) if until <= start]
        if had.get(who) in free:
            place = had[who]
        elif free:
            place = free[0]
        elif len(taken_until) < MOST_PLACES:
            place = len(taken_until)
            taken_until.append(0)
        else:
            continue
        showing = Showing(place, tuple(stretch))
        taken_until[place], had[who] = showing.end_ms, place
        shown.append(showing)
    return shown


def canvas(places: int, widest: int, tallest: int) -> tuple[int, int]:
    """Width and height of a 16:9 picture in which nothing is enlarged more than it must be."""
    columns, rows = _grid(places)
    height = max(rows * tallest, columns * widest * 9 // 16)
    height = max(180, min(MOST_HEIGHT, height)) // 18 * 18
    return _even(min(MOST_WIDTH, height * 16 // 9)), _even(height)


def boxes(places: int, width: int, height: int) -> list[Box]:
    """Where each place lies. A last row that is not full stands in the middle."""
    columns, rows = _grid(places)
    across, down = _even(width // columns), _even(height // rows)
    found: list[Box] = []
    for place in range(places):
        row, column = divmod(place, columns)
        in_row = min(columns, places - row * columns)
        margin = (width - in_row * across) // 2
        found.append(Box(_even(margin + column * across), row * down, across, down))
    return found


def fit(width: int, height: int, box: Box) -> Box:
    """The largest part of the box that has the picture's shape, in its middle."""
    scale = min(box.width / width, box.height / height)
    across = max(2, _even(round(width * scale)))
    down = max(2, _even(round(height * scale)))
    across, down = min(across, box.width), min(down, box.height)
    return Box(
        box.x + _even((box.width - across) // 2),
        box.y + _even((box.height - down) // 2),
        across,
        down,
    )


def _grid(places: int) -> tuple[int, int]:
    columns = math.ceil(math.sqrt(places))
    return columns, math.ceil(places / columns)


def _even(value: int) -> int:
    return value // 2 * 2
