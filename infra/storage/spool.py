"""The spool: recordings in the making, as a pod leaves them and the worker beside it finds them.

    SPOOL/ID                                  the spool's own id
    SPOOL/<recording>/e0001/manifest.jsonl    a header, a line a closed segment, a last line
    SPOOL/<recording>/e0001/<track>-00000.webm

The same names below `rec/` are the object keys. A manifest only grows: each line is on the disk
before anybody is told of it. Whoever writes a part holds a lock on its manifest, which the kernel
lets go when the writer dies; that is how a part in the making is told from one left behind.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError

from infra.contract.ids import (
    ParticipantId,
    PodId,
    RecordingId,
    RoomId,
    SpoolId,
    TenantId,
    TrackId,
    new_id,
)
from infra.storage.webm import mend

MANIFEST = "manifest.jsonl"
MOVIE = "recording.mp4"
_ID = "ID"


class _Line(BaseModel):
    # Parts outlive deployments: a reader leaves alone what it does not know.
    model_config = ConfigDict(frozen=True, extra="ignore")


class Header(_Line):
    recording: RecordingId
    room: RoomId
    tenant: TenantId
    epoch: int
    pod: PodId
    spool: SpoolId
    started_at: datetime
    "Zero of the recording's clock; every `_ms` in the manifest counts from it."


class Gap(_Line):
    """Time of a track of which the file holds nothing, on the recording's clock."""

    at_ms: int
    dur_ms: int
    why: Literal["mute", "dtx", "loss", "silence"]
    "silence: the publisher sent nothing, or nothing a decoder could start with."


class Opened(_Line):
    """A segment being written. Only tells a repair what the file without a closing line is."""

    track: TrackId
    participant: ParticipantId
    kind: Literal["audio", "video"]
    source: Literal["microphone", "camera", "screen", "screen_audio"]
    codec: str
    epoch: int
    n: int
    "Counts the track's segments of this epoch, from 0."
    file: str
    t0_ms: int
    "Where the file's first frame lies. In an opening line, as it was then known."


class Segment(Opened):
    dur_ms: int
    bytes: int
    sha256: str
    gaps: tuple[Gap, ...] = ()
    mended: bool = False
    "Its writer died; what was left of it has been made whole."


@dataclass(slots=True)
class Manifest:
    header: Header
    segments: list[Segment] = field(default_factory=list)
    opened: list[Opened] = field(default_factory=list)
    "Without a closing line."
    closed: bool = False


class BadManifest(Exception):
    """There is no header in it."""


class StillWritten(Exception):
    """Its writer is alive."""


_L = TypeVar("_L", bound=_Line)


def part_name(epoch: int) -> str:
    return f"e{epoch:04d}"


def part_path(root: Path, recording: RecordingId, epoch: int) -> Path:
    return root / str(recording) / part_name(epoch)


def recording_prefix(recording: RecordingId) -> str:
    """Below which every object of a recording lies."""
    return f"rec/{recording}/"


def object_key(recording: RecordingId, epoch: int, file: str) -> str:
    return f"{recording_prefix(recording)}{part_name(epoch)}/{file}"


def movie_key(recording: RecordingId) -> str:
    return recording_prefix(recording) + MOVIE


def open_spool(root: Path) -> SpoolId:
    """The spool's id, made with the directory. Many processes may open one at the same time."""
    root.mkdir(parents=True, exist_ok=True)
    name = root / _ID
    if not name.exists():
        fresh = root / f".{_ID}-{new_id()}"
        fresh.write_text(f"{new_id()}\n")
        try:
            os.link(fresh, name)
        except FileExistsError:
            pass  # somebody was quicker, and theirs is the id
        finally:
            fresh.unlink()
    return SpoolId(UUID(name.read_text().strip()))


def parts(root: Path) -> Iterator[tuple[RecordingId, int, Path]]:
    """Every part in the spool: recording, epoch, directory."""
    for part in sorted(root.glob("*/e*")):
        try:
            yield RecordingId(UUID(part.parent.name)), int(part.name[1:]), part
        except ValueError:
            continue  # not ours


def read_manifest(data: bytes) -> Manifest:
    """Lines that were torn are passed over. Raises BadManifest."""
    lines = [line for line in map(_parsed, data.split(b"\n")) if line is not None]
    header = _as(Header, lines[0]) if lines else None
    if header is None:
        raise BadManifest("no header")
    found = Manifest(header)
    opened: dict[str, Opened] = {}
    for line in lines[1:]:
        if line.get("closed") is True:
            found.closed = True
        elif (start := line.get("opened")) is not None:
            found.closed = False
            begun = _as(Opened, start)
            if begun is not None:
                opened[begun.file] = begun
        elif (segment := _as(Segment, line)) is not None and _is_ours(segment.file):
            opened.pop(segment.file, None)
            found.segments.append(segment)
    found.opened = [begun for begun in opened.values() if _is_ours(begun.file)]
    return found


def written(header: Header, segments: list[Segment], *, closed: bool) -> bytes:
    """A manifest as a file's bytes."""
    lines = [header.model_dump_json(), *(segment.model_dump_json() for segment in segments)]
    return "".join(
        line + "\n" for line in [*lines, *(['{"closed":true}'] if closed else [])]
    ).encode()


class ManifestFile:
    """The manifest of a part being written. Every method may raise OSError."""

    def __init__(self, part: Path) -> None:
        """Take the part for writing. Raises StillWritten when somebody else has it."""
        part.mkdir(parents=True, exist_ok=True)
        self._part = part
        self._torn = False
        self._file: BinaryIO = (part / MANIFEST).open("ab", buffering=0)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise StillWritten(str(part)) from error

    def begin(self, header: Header) -> None:
        self._append(header.model_dump_json().encode(), sync=True)
        sync_directory(self._part)

    def opened(self, segment: Opened) -> None:
        # Not synced: it matters when the writer is killed, not when the host is.
        self._append(b'{"opened":' + segment.model_dump_json().encode() + b"}", sync=False)

    def add(self, segment: Segment) -> None:
        self._append(segment.model_dump_json().encode(), sync=True)

    def end(self) -> None:
        """Nothing more comes; the lock goes too."""
        try:
            self._append(b'{"closed":true}', sync=True)
        finally:
            self.release()

    def release(self) -> None:
        """Let go of the part as it is."""
        self._file.close()

    def _append(self, line: bytes, *, sync: bool) -> None:
        # A full disk may have torn the line before: this one starts afresh.
        data = (b"\n" if self._torn else b"") + line + b"\n"
        self._torn = True
        if self._file.write(data) != len(data):
            raise OSError(28, "the manifest could not be written whole")
        if sync:
            os.fsync(self._file.fileno())
        self._torn = False


def repair(part: Path) -> Manifest | None:
    """Close a part whose writer died: what is left of its open segments is made whole.

    None when nothing had been begun in it. Raises StillWritten while the writer lives. Repairing
    again changes nothing.
    """
    manifest_file = ManifestFile(part)
    try:
        try:
            manifest = read_manifest((part / MANIFEST).read_bytes())
        except BadManifest:
            return None
        if manifest.closed:
            return manifest
        # The torn end of a killed writer, if any, ends here.
        manifest_file._torn = True
        for begun in manifest.opened:
            segment = _mended(part, begun)
            if segment is not None:
                manifest_file.add(segment)
                manifest.segments.append(segment)
        manifest.opened.clear()
        manifest_file.end()
        manifest.closed = True
        return manifest
    finally:
        manifest_file.release()


def _mended(part: Path, begun: Opened) -> Segment | None:
    path = part / begun.file
    if not path.exists():
        return None
    left = mend(path)
    if left.blocks == 0:
        path.unlink()
        return None
    return Segment(
        **begun.model_dump(),
        dur_ms=left.dur_ms,
        bytes=path.stat().st_size,
        sha256=sha256_of(path),
        mended=True,
    )


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_directory(path: Path) -> None:
    """Make names in a directory outlive a power cut."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _parsed(line: bytes) -> dict[str, object] | None:
    try:
        value = json.loads(line) if line.strip() else None
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _as(kind: type[_L], value: object) -> _L | None:
    try:
        return kind.model_validate(value)
    except ValidationError:
        return None


def _is_ours(name: str) -> bool:
    """Manifests come back from storage: a name in one never leads out of the part."""
    return name == Path(name).name and not name.startswith(".")
