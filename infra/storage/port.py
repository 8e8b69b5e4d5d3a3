"""What any object store can do. The parts, `s3.py` and `disk.py`, pass one contract test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

PART_BYTES = 8 * 1024 * 1024
"One part of a multipart upload: what a killed upload sends again at most."


@dataclass(frozen=True, slots=True)
class StoredObject:
    key: str
    size_bytes: int
    sha256: str | None
    "Hex digest the object was stored under; None when the store does not know it."
    storage_class: str = "STANDARD"


class ObjectUnknown(Exception):
    """Nothing is stored under this key."""


class StoreUnavailable(Exception):
    """The store could not be reached or would not answer. Worth another try."""


Checkpoint = dict[str, Any]
"What a resumed upload needs: JSON, opaque to the caller."


class ObjectStore(Protocol):
    """Keys are made by us and never hold a user's words. Calls block: use a thread."""

    provider: str
    "What the API shows as `storage_provider`: s3, disk."

    def put(
        self,
        key: str,
        path: Path,
        *,
        content_type: str,
        resume: Checkpoint | None = None,
        beat: Callable[[Checkpoint], None] = lambda _: None,
    ) -> StoredObject:
        """Store the file; returns only when size and checksum were confirmed by the store.

        `beat` is called after every part with what a resumed `put` needs, and may raise to stop.
        An object that is already there with the same checksum is left alone.
        """

    def head(self, key: str) -> StoredObject:
        """Raises ObjectUnknown."""

    def open(self, key: str) -> BinaryIO:
        """Read it from the start. Raises ObjectUnknown."""

    def fetch(self, key: str, path: Path) -> None:
        """Copy it to a local file. Raises ObjectUnknown."""

    def list(self, prefix: str) -> Iterator[StoredObject]: ...

    def folders(self, prefix: str) -> Iterator[str]:
        """The names that stand between the prefix, which ends in a slash, and the next slash."""

    def delete(self, key: str) -> None:
        """Deleting what is not there succeeds."""

    def archive(self, key: str) -> StoredObject:
        """Move it to the cold storage class. Raises ObjectUnknown."""

    def link(self, key: str, *, filename: str, content_type: str, expires_s: int) -> str:
        """A URL anybody may GET until it expires, with ranges, saved under `filename`."""

    def check(self) -> None:
        """Raises StoreUnavailable unless the store answers."""

    def tidy(self) -> int:
        """Remove what uploads left that nobody has resumed for a day. How many there were."""
