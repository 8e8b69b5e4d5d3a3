"""Paths with names in them, found by their segments: as quickly among a hundred as among ten."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

L = TypeVar("L")


@dataclass
class _Node(Generic[L]):
    segments: dict[str, _Node[L]] = field(default_factory=dict)
    any: _Node[L] | None = None
    "Whatever the segment is, so long as it is something."
    leaf: tuple[tuple[str, ...], L] | None = None
    "Names of the segments that were any, and what the path leads to."


class Tree(Generic[L]):
    """`/rooms/{id}` and `/rooms/stats` may both be there: a segment by its text comes first."""

    def __init__(self) -> None:
        self._root: _Node[L] = _Node()

    def add(self, path: str, leaf: L) -> None:
        node, names = self._root, []
        for segment in path.split("/")[1:]:
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.any = node = node.any or _Node()
            else:
                node = node.segments.setdefault(segment, _Node())
        node.leaf = (tuple(names), leaf)

    def find(self, path: str) -> tuple[L, dict[str, str]] | None:
        """What the path leads to, and its segments by the names they have there."""
        segments = path.split("/")[1:]
        found = self._below(self._root, segments, 0)
        if found is None:
            return None
        (names, leaf), values = found
        return leaf, dict(zip(names, reversed(values), strict=True))

    def _below(
        self, node: _Node[L], segments: list[str], at: int
    ) -> tuple[tuple[tuple[str, ...], L], list[str]] | None:
        """The leaf, and the segments that were any, last first."""
        if at == len(segments):
            return (node.leaf, []) if node.leaf else None
        segment = segments[at]
        exact = node.segments.get(segment)
        if exact is not None and (found := self._below(exact, segments, at + 1)):
            return found
        if node.any is not None and segment and (found := self._below(node.any, segments, at + 1)):
            found[1].append(segment)
            return found
        return None
