"""A track's sound: the values that pass between reading it, cutting it and hearing it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
"Mono sound, -1 to 1, RATE samples a second."
RATE = 16_000
PER_MS = RATE // 1000

Span = tuple[int, int]
"From and to; the name of what holds it says whether in samples or in ms."
Reason = Literal["damaged", "truncated", "unreadable", "lost", "hole"]


class Undecodable(Exception):
    """Nothing can be heard in this file; the words say why. Trying again will not help."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A file of one track, and where it lies on the recording's clock."""

    path: Path | None
    "None: the recording knows of it, but it is gone."
    t0_ms: int
    dur_ms: int | None = None
    "None: as long as the file itself says."


@dataclass(frozen=True, slots=True)
class Loss:
    """Sound that should be there and is not. Times are ms on the timeline being read."""

    start_ms: int
    missing_ms: int
    "0: some is missing, and nothing in the file says how much."
    reason: Reason


@dataclass(frozen=True, slots=True)
class Region:
    """Voice to be transcribed by itself. Times are ms on the track's timeline."""

    start_ms: int
    "Where the samples begin: a little before the voice."
    samples: Samples
    voice: tuple[Span, ...]
    "Where voice was heard in it, ms. Words are held to these."

    @property
    def end_ms(self) -> int:
        return self.start_ms + len(self.samples) // PER_MS


@dataclass(frozen=True, slots=True)
class Piece:
    """One checkpoint's worth of a track. Pieces of a track follow each other without a gap."""

    n: int
    start_ms: int
    end_ms: int
    regions: tuple[Region, ...]
    "Empty only in a track's last piece."
    losses: tuple[Loss, ...] = ()

    @property
    def sound_ms(self) -> int:
        return sum(len(region.samples) for region in self.regions) // PER_MS

    @property
    def missing_ms(self) -> int:
        return sum(loss.missing_ms for loss in self.losses)
