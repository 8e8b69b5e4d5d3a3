"""What there is to hear of a recording: every participant's sound, as its manifests tell it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection

from infra.contract.ids import ParticipantId, TrackId
from infra.contract.views import RecordingView
from infra.db import participants, recordings
from infra.storage.port import ObjectStore, ObjectUnknown
from infra.storage.spool import BadManifest, Manifest, object_key, read_manifest, sha256_of
from workers.transcripts.track import Segment

NOBODY = "Speaker"
"Who speaks where nobody wrote down whose sound it is."


@dataclass(frozen=True, slots=True)
class StoredSegment:
    key: str
    sha256: str | None
    t0_ms: int
    dur_ms: int | None


@dataclass(slots=True)
class StoredTrack:
    """Sound of one participant: one microphone, or what their screen played."""

    id: TrackId
    participant_id: ParticipantId | None
    speaker: str
    segments: list[StoredSegment] = field(default_factory=list)

    @property
    def end_ms(self) -> int:
        """Where the last segment ends on the recording's clock; 0: unknown."""
        return max((s.t0_ms + (s.dur_ms or 0) for s in self.segments), default=0)


@dataclass(frozen=True, slots=True)
class Sources:
    tracks: tuple[StoredTrack, ...]
    parts_lost: int
    "Parts of the recording, one for each pod that wrote it, of which nothing is left."


@dataclass(frozen=True, slots=True)
class Known:
    """What the database knows of a recording's sound."""

    parts: tuple[recordings.Part, ...]
    names: dict[ParticipantId, str]


def known_of(connection: Connection, recording: RecordingView) -> Known:
    seats = participants.in_room(connection, recording.tenant_id, recording.room_id)
    parts = recordings.parts(connection, recording.id)
    return Known(tuple(parts), {seat.id: seat.display_name for seat in seats})


def sources_of(store: ObjectStore, recording: RecordingView, known: Known) -> Sources:
    """The recording's audio tracks in the order of their ids.

    One without parts, as when its file was found in storage, is a single track of nobody. Raises
    StoreUnavailable.
    """
    if not known.parts and recording.object_key is not None:
        whole = StoredSegment(recording.object_key, None, 0, None)
        return Sources((StoredTrack(TrackId(recording.id), None, NOBODY, [whole]),), 0)
    manifests = [_manifest(store, part.manifest_key) for part in known.parts]
    tracks: dict[TrackId, StoredTrack] = {}
    for manifest in manifests:
        for segment in manifest.segments if manifest else ():
            if segment.kind == "audio":
                speaker = known.names.get(segment.participant, NOBODY)
                track = StoredTrack(segment.track, segment.participant, speaker)
                key = object_key(recording.id, segment.epoch, segment.file)
                tracks.setdefault(segment.track, track).segments.append(
                    StoredSegment(key, segment.sha256, segment.t0_ms, segment.dur_ms)
                )
    return Sources(
        tuple(tracks[track_id] for track_id in sorted(tracks)),
        sum(
            part.state == "lost" or (part.manifest_key is not None and manifest is None)
            for part, manifest in zip(known.parts, manifests, strict=True)
        ),
    )


def _manifest(store: ObjectStore, key: str | None) -> Manifest | None:
    if key is None:
        return None
    try:
        with store.open(key) as file:
            return read_manifest(file.read())
    except (ObjectUnknown, BadManifest):
        return None


@contextmanager
def fetched(
    store: ObjectStore, segments: Sequence[StoredSegment], *, from_ms: int
) -> Iterator[list[Segment]]:
    """Those segments that reach past `from_ms` as files, which are removed at the end.

    One that is gone, or is not what was recorded, has no file. Raises StoreUnavailable.
    """
    with TemporaryDirectory(prefix="parley-track-") as folder:
        local = []
        for n, segment in enumerate(segments):
            if segment.dur_ms is not None and segment.t0_ms + segment.dur_ms <= from_ms:
                continue
            path = Path(folder) / f"{n:06d}"
            local.append(Segment(_fetch(store, segment, path), segment.t0_ms, segment.dur_ms))
        yield local


def _fetch(store: ObjectStore, segment: StoredSegment, path: Path) -> Path | None:
    try:
        store.fetch(segment.key, path)
    except ObjectUnknown:
        return None
    if segment.sha256 is not None and sha256_of(path) != segment.sha256:
        return None
    return path
