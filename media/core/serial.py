"""Counters that wrap, and how to read them as plain integers (RFC 1982, RFC 3711 section 3.3.1)."""

from __future__ import annotations


def distance(new: int, old: int, bits: int) -> int:
    """How far `new` is ahead of `old`, between -2^(bits-1) and 2^(bits-1) - 1."""
    half = 1 << (bits - 1)
    return ((new - old + half) & ((1 << bits) - 1)) - half


class Unwrapper:
    """Gives a wrapping counter's values as integers that grow without limit.

    Each value is read as the one nearest to the highest seen so far, so late values come out
    lower; those from before the first one may come out negative.
    """

    __slots__ = ("_bits", "highest")

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self.highest: int | None = None
        "None until the first value."

    def unwrap(self, value: int) -> int:
        """Read a value, and remember it if it is the highest."""
        if self.highest is None:
            self.highest = value
            return value
        unwrapped = self.near(value)
        if unwrapped > self.highest:
            self.highest = unwrapped
        return unwrapped

    def near(self, value: int) -> int:
        """Read a value and remember nothing."""
        if self.highest is None:
            return value
        return self.highest + distance(value, self.highest, self._bits)
