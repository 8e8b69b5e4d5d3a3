"""The playable file of a recording, made from what is stored of it and stored beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import structlog

from infra.contract.ids import RecordingId
from infra.contract.views import RecordingState
from infra.db import jobs, recordings, rooms, tenants
from infra.db.jobs import ClaimedJob, SetAside
from infra.db.recordings import LockedRecording, Part
from infra.db.work import Work
from infra.storage.port import Checkpoint, ObjectStore, ObjectUnknown, StoredObject
from infra.storage.spool import (
    BadManifest,
    Manifest,
    Segment,
    movie_key,
    object_key,
    read_manifest,
    sha256_of,
)
from workers import transcription
from workers.capture import order_film
from workers.child import Child, ChildDied, ChildRefused, Head, Limits
from workers.owners import mourns, performs
from workers.tools import Tools

CONTENT_TYPE = "video/mp4"
MEMORY_BYTES = 3 * 1024**3
"Address space of the child. Decoders and encoder stay well below at 720 lines."
CPU_PER_SECOND = 20
"Seconds of processor the child may use for a second of recording: an endless loop ends."
LEAST_CPU_S = 600
SILENT_S = 300.0
"Seconds the child may say nothing."
FILM = "workers.recordings.film"
AGAIN_AFTER = timedelta(minutes=1)
"When storage could not be reached."

NOTHING = "nothing was published while recording"

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Material:
    """What there is to make the film of."""

    clips: list[dict[str, object]] = field(default_factory=list)
    missing: int = 0
    "Segments a manifest lists that storage does not have, or has otherwise."
    deadly: int = 0
    "Segments that ended whoever decoded them."


@performs("compose")
def compose(job: ClaimedJob, tools: Tools) -> None:
    """Make the film and say that it is there. A recording that is not waiting for one is left."""
    recording_id = RecordingId(UUID(job.payload["recording_id"]))
    with tools.engine.connect() as connection:
        recording = recordings.find(connection, recording_id)
        parts = recordings.parts(connection, recording_id)
    if recording is None:
        return
    if recording.state is RecordingState.DELETED:
        _forget(recording_id, tools)
    if recording.state is not RecordingState.PROCESSING:
        return
    with TemporaryDirectory(prefix="parley-film-") as name:
        folder = Path(name)
        manifests = list(_manifests(tools.store, parts))
        material = _fetch(tools.store, recording_id, manifests, folder, job)
        lost = sum(part.state == "lost" for part in parts)
        film = folder / "recording.mp4"
        try:
            dur_ms = make_film(material, film, job)
        except ChildRefused as refused:
            if refused.kind != "NothingToShow":
                raise
            dur_ms = 0
        if dur_ms == 0:
            _nothing(job, recording_id, lost, material, tools)
            return
        stored = _store(tools.store, recording_id, film, job)
    if not _publish(job, recording_id, stored, dur_ms, _notes(lost, material), tools):
        _forget(recording_id, tools)


@mourns("compose")
def no_film(job: SetAside, work: Work, tools: Tools) -> None:
    """Storage that is away comes back; anything else is said to whoever waits."""
    recording_id = RecordingId(UUID(job.payload["recording_id"]))
    recording = _locked(work, recording_id)
    if recording is None or recording.state is not RecordingState.PROCESSING:
        return
    if "StoreUnavailable" in job.error:
        order_film(work, recording_id, recording.tenant_id, available_at=work.now + AGAIN_AFTER)
        return
    _fail(work, recording, f"the playable file could not be made: {job.error}")


def _manifests(store: ObjectStore, parts: list[Part]) -> Iterator[Manifest]:
    """A part that is lost may have been stored up to a point: its manifest tells."""
    for part in parts:
        if part.manifest_key is None:
            continue
        try:
            with store.open(part.manifest_key) as file:
                yield read_manifest(file.read())
        except (ObjectUnknown, BadManifest):
            log.error("a manifest is not in storage", key=part.manifest_key)


def _fetch(
    store: ObjectStore,
    recording_id: RecordingId,
    manifests: list[Manifest],
    folder: Path,
    job: ClaimedJob,
) -> Material:
    material = Material()
    for manifest in manifests:
        for segment in manifest.segments:
            job.beat()
            key = object_key(recording_id, segment.epoch, segment.file)
            path = folder / f"{segment.epoch}-{segment.file}"
            try:
                store.fetch(key, path)
            except ObjectUnknown:
                material.missing += 1
                continue
            if sha256_of(path) != segment.sha256:
                material.missing += 1
                continue
            material.clips.append(_clip(segment, path))
    return material


def _clip(segment: Segment, path: Path) -> dict[str, object]:
    return {
        "path": str(path),
        "kind": segment.kind,
        # Another epoch is another sender to whoever recorded it.
        "track": f"{segment.epoch}/{segment.track}",
        "who": f"{segment.participant}/{segment.source}",
        "t0_ms": segment.t0_ms,
        "dur_ms": segment.dur_ms,
    }


def make_film(
    material: Material,
    target: Path,
    job: ClaimedJob,
    start: Callable[[str, Limits], Child] = Child,
) -> int:
    """The film's length in ms; 0 when there is nothing to see or hear.

    A segment made to harm decoders is left out, so that one participant cannot spoil everybody's
    film. Raises ChildDied when it is not the segments, and ChildRefused.
    """
    if not material.clips:
        return 0
    longest = max(int(str(c["t0_ms"])) + int(str(c["dur_ms"])) for c in material.clips)
    limits = Limits(MEMORY_BYTES, LEAST_CPU_S + CPU_PER_SECOND * longest // 1000, open_files=1024)
    order = {"clips": material.clips, "target": str(target)}
    try:
        return int(_asked(start(FILM, limits), order, job)["dur_ms"])
    except ChildDied as death:
        log.warning("a film's maker died", error=str(death))
        harmless = _harmless(material.clips, job, partial(start, FILM, limits))
        material.deadly = len(material.clips) - len(harmless)
        if not material.deadly:
            raise
    if not harmless:
        return 0
    return int(_asked(start(FILM, limits), {**order, "clips": harmless}, job)["dur_ms"])


def _harmless(
    clips: list[dict[str, object]], job: ClaimedJob, start: Callable[[], Child]
) -> list[dict[str, object]]:
    """Those that a child survives. Looked at one by one, by as few children as that takes."""
    found = []
    child = start()
    try:
        for clip in clips:
            job.beat()
            try:
                child.ask({"clips": [clip]}, within=SILENT_S)
                found.append(clip)
            except ChildDied:
                child.kill()
                child = start()
    finally:
        child.kill()
    return found


def _asked(child: Child, order: Head, job: ClaimedJob) -> Head:
    """The child's last word; meanwhile the job is kept. The child ends with it."""
    try:
        child.send(order)
        while True:
            said, _ = child.receive(within=SILENT_S)
            if said.get("done"):
                return said
            job.beat()
    finally:
        child.kill()


def _store(
    store: ObjectStore, recording_id: RecordingId, film: Path, job: ClaimedJob
) -> StoredObject:
    def beat(checkpoint: Checkpoint) -> None:
        job.beat(checkpoint or None)

    return store.put(
        movie_key(recording_id),
        film,
        content_type=CONTENT_TYPE,
        resume=job.checkpoint,
        beat=beat,
    )


def _publish(
    job: ClaimedJob,
    recording_id: RecordingId,
    stored: StoredObject,
    dur_ms: int,
    notes: str | None,
    tools: Tools,
) -> bool:
    """False: nobody waits for it any more."""
    with tools.begin() as work:
        recording = _locked(work, recording_id)
        done = recording is not None and recordings.complete(
            work.connection,
            recording_id,
            object_key=stored.key,
            sha256=stored.sha256,
            size_bytes=stored.size_bytes,
            duration_seconds=dur_ms / 1000,
            error_message=notes,
        )
        jobs.finish(work, job)
        if recording is None or not done:
            return recording is not None and recording.state is not RecordingState.DELETED
        work.event(
            recording.room_id,
            recording.tenant_id,
            "recording.ready",
            {"recording_id": str(recording_id)},
        )
        tenant = tenants.get(work.connection, recording.tenant_id)
        view = recordings.get(work.connection, recording.tenant_id, recording_id)
        if tenant is not None and view is not None:
            transcription.start_if_wanted(work, view, tenant.config, tools.settings)
        return True


def _nothing(
    job: ClaimedJob, recording_id: RecordingId, lost: int, material: Material, tools: Tools
) -> None:
    with tools.begin() as work:
        recording = _locked(work, recording_id)
        jobs.finish(work, job)
        if recording is not None:
            _fail(work, recording, _notes(lost, material) or NOTHING)


def _locked(work: Work, recording_id: RecordingId) -> LockedRecording | None:
    """Its room first, for whose log there will be an event."""
    found = recordings.find(work.connection, recording_id)
    if found is not None:
        rooms.lock(work.connection, found.tenant_id, found.room_id)
    return recordings.lock(work.connection, recording_id)


def _fail(work: Work, recording: LockedRecording, message: str) -> None:
    if recordings.fail(work.connection, recording.id, message):
        work.event(
            recording.room_id,
            recording.tenant_id,
            "recording.failed",
            {"recording_id": str(recording.id), "error_message": message},
        )


def _forget(recording_id: RecordingId, tools: Tools) -> None:
    """Deleted while it was being made: a film stored after the deletion goes as well."""
    tools.store.delete(movie_key(recording_id))


def _notes(lost: int, material: Material) -> str | None:
    """What a listener should know is missing."""
    said = []
    if lost:
        said.append(f"{lost} part(s) were lost with the machine that recorded them")
    if material.missing:
        said.append(f"{material.missing} segment(s) are missing from storage")
    if material.deadly:
        said.append(f"{material.deadly} segment(s) could not be decoded")
    return "; ".join(said) or None
