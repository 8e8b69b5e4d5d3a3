"""What a source sent lately, kept for those who missed some of it."""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

Kept = TypeVar("Kept")


class SentPacket(NamedTuple):
    """One packet of a source as it was forwarded, before any receiver's rewriting."""

    sequence: int
    "Unwrapped."
    timestamp: int
    marker: int
    "0x80 or 0."
    payload_type: int
    payload: bytes
    audio_level: int | None


class History(Generic[Kept]):
    """The newest `size` numbers' worth of something; older ones make room. `size`: a power of 2."""

    __slots__ = ("_kept", "_mask", "_numbers")

    def __init__(self, size: int) -> None:
        if size < 1 or size & (size - 1):
            raise ValueError(f"not a power of two: {size}")
        self._mask = size - 1
        self._numbers: list[int | None] = [None] * size
        self._kept: list[Kept | None] = [None] * size

    @property
    def size(self) -> int:
        return self._mask + 1

    def keep(self, number: int, item: Kept) -> None:
        place = number & self._mask
        self._numbers[place] = number
        self._kept[place] = item

    def get(self, number: int) -> Kept | None:
        place = number & self._mask
        return self._kept[place] if self._numbers[place] == number else None

    def __contains__(self, number: int) -> bool:
        return self._numbers[number & self._mask] == number

    def clear(self) -> None:
        self._numbers = [None] * self.size
        self._kept = [None] * self.size
