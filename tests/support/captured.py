"""Parts of recordings as a pod leaves them in its spool, made from encoded media."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from infra.contract.ids import ParticipantId, TrackId, new_id
from infra.storage.spool import (
    MANIFEST,
    Header,
    ManifestFile,
    Opened,
    Segment,
    part_path,
    sha256_of,
)
from infra.storage.webm import TrackFormat, Writer


@dataclass(frozen=True)
class Take:
    """Something one participant was recorded saying or showing."""

    kind: Literal["audio", "video"]
    frames: Sequence[bytes]
    "Opus packets of 20 ms, or VP8 pictures 40 ms apart."
    t0_ms: int
    participant: ParticipantId
    size: tuple[int, int] = (160, 120)

    @property
    def interval_ms(self) -> int:
        return 20 if self.kind == "audio" else 40


def webm(take: Take) -> bytes:
    codec: Literal["OPUS", "VP8"] = "OPUS" if take.kind == "audio" else "VP8"
    writer = Writer(TrackFormat(codec, *take.size))
    data = bytearray(writer.head)
    for n, frame in enumerate(take.frames):
        # RFC 6386, section 9.1: a keyframe's first bit is clear.
        keyframe = codec == "OPUS" or frame[0] & 1 == 0
        data += writer.add(n * take.interval_ms, frame, keyframe=keyframe)
    for offset, patch in writer.finish(len(take.frames) * take.interval_ms):
        data[offset : offset + len(patch)] = patch
    return bytes(data)


def capture(
    root: Path, header: Header, takes: Sequence[Take], *, closed: bool = True, killed: bool = False
) -> Path:
    """Write a part; each take is one segment of a track of its own.

    `killed`: its writer dies while it has the last take open.
    """
    part = part_path(root, header.recording, header.epoch)
    manifest = ManifestFile(part)
    manifest.begin(header)
    for n, take in enumerate(takes):
        track = TrackId(new_id())
        opened = Opened(
            track=track,
            participant=take.participant,
            kind=take.kind,
            source="microphone" if take.kind == "audio" else "camera",
            codec="OPUS" if take.kind == "audio" else "VP8",
            epoch=header.epoch,
            n=0,
            file=f"{track}-00000.webm",
            t0_ms=take.t0_ms,
        )
        manifest.opened(opened)
        data = webm(take)
        path = part / opened.file
        if killed and n == len(takes) - 1:
            path.write_bytes(data[:-7])
            break
        path.write_bytes(data)
        manifest.add(
            Segment(
                **opened.model_dump(),
                dur_ms=len(take.frames) * take.interval_ms,
                bytes=len(data),
                sha256=sha256_of(path),
            )
        )
    if closed and not killed:
        manifest.end()
    else:
        manifest.release()
    return part


def manifest_of(part: Path) -> bytes:
    return (part / MANIFEST).read_bytes()
