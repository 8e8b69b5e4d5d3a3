"""From the spool into storage: every closed segment at once, the manifest after what it lists.

Runs beside the spool it empties. A local file goes only when the store has confirmed size and
checksum. Every step may be done twice: objects are found stored, rows are found changed.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import structlog

from infra.bus import keys
from infra.contract.commands import ReportSpool
from infra.contract.ids import RecordingId, SpoolId, TenantId
from infra.contract.messages import Done
from infra.contract.views import RecordingState
from infra.db import jobs, parts, recordings
from infra.db.jobs import ClaimedJob, SetAside
from infra.db.work import Work
from infra.storage import spool
from infra.storage.port import Checkpoint, StoredObject
from infra.storage.spool import MANIFEST, Manifest, object_key
from infra.storage.webm import CONTENT_TYPE
from workers.capture import settle
from workers.owners import mourns, owns, performs
from workers.tools import Tools

MANIFEST_TYPE = "application/x-ndjson"
BEGUN_WITHIN = timedelta(seconds=30)
"After a stop. A part of which there is nothing in the spool by then was never begun."

log = structlog.get_logger(__name__)


@owns(ReportSpool)
def report_spool(command: ReportSpool, work: Work, tools: Tools) -> Done:
    """A pod closed a segment, or the part. Reports may be lost, and come twice or late."""
    recording = recordings.lock(work.connection, command.recording_id)
    if recording is None:
        return Done()
    if command.closed:
        parts.end(
            work.connection,
            command.recording_id,
            command.epoch,
            state="captured",
            now=work.now,
        )
    order_upload(
        work, command.recording_id, command.epoch, command.spool_id, tenant_id=recording.tenant_id
    )
    return Done()


def order_upload(
    work: Work,
    recording_id: RecordingId,
    epoch: int,
    spool_id: SpoolId,
    *,
    tenant_id: TenantId,
) -> None:
    """Have the worker beside the spool look at the part."""
    jobs.enqueue(
        work,
        "upload",
        f"{recording_id}:{epoch}",
        keys.uploads(spool_id),
        {"recording_id": str(recording_id), "epoch": epoch},
        tenant_id=tenant_id,
    )


@performs("upload")
def upload(job: ClaimedJob, tools: Tools) -> None:
    """Store what the part holds now; when it is closed, or its writer is dead, all of it."""
    recording_id = RecordingId(UUID(job.payload["recording_id"]))
    epoch = int(job.payload["epoch"])
    part = _Part(
        recording_id, epoch, spool.part_path(_root(tools), recording_id, epoch), job, tools
    )
    part.upload()
    for stray in _strays(tools, beside=part.path):
        job.beat()
        _Part(*stray, job, tools).upload()


@mourns("upload")
def give_up_for_now(job: SetAside, work: Work, tools: Tools) -> None:
    """Nothing is lost: the files stay in the spool, and the next sweep orders the upload anew."""
    log.warning("an upload will be tried again later", subject=job.subject, error=job.error)


def _root(tools: Tools) -> Path:
    return tools.settings.spool_path


def _strays(tools: Tools, *, beside: Path) -> list[tuple[RecordingId, int, Path]]:
    """Parts left in the spool that no job will be ordered for: of deleted recordings, of those
    that were given up as lost before this machine came back, and of uploads that were stored
    and then killed before they had tidied up."""
    found = [part for part in spool.parts(_root(tools)) if part[2] != beside]
    if not found:
        return []
    with tools.engine.connect() as connection:
        # Those of another deployment, or of before a database was put back, are left alone.
        known = parts.states(connection, {recording_id for recording_id, _, _ in found})
    over = {
        subject
        for subject, (part, recording) in known.items()
        if part in ("lost", "stored") or recording is RecordingState.DELETED
    }
    return [part for part in found if part[:2] in over]


@dataclass(frozen=True, slots=True)
class _Part:
    recording_id: RecordingId
    epoch: int
    path: Path
    job: ClaimedJob
    tools: Tools

    def upload(self) -> None:
        while not self._is_deleted():
            manifest = self._read()
            if manifest is None:
                return
            if manifest.closed:
                # From here on it is only a matter of time: nobody gives the part up as lost.
                with self.tools.begin() as work:
                    self._reach(work, "captured")
            waiting = self._waiting(manifest)
            for segment in waiting:
                if self._is_deleted():
                    break
                self._store_segment(segment)
            else:
                if manifest.closed:
                    self._store_end(manifest)
                    return
                if not waiting:
                    return
                self._store_manifest(manifest)
        self._forget()

    def _read(self) -> Manifest | None:
        """The manifest, completed if its writer is dead; None when nothing is here to store."""
        if self.path.is_dir():
            try:
                manifest = spool.repair(self.path)
            except spool.StillWritten:
                return self._so_far()
            except OSError:
                # On a full disk what is whole goes first, and makes room for the rest.
                manifest = self._so_far()
                if manifest is None or not self._waiting(manifest):
                    raise
            if manifest is not None:
                return manifest
        if self._is_long_over():
            # The pod never began it, or died before it had written anything: or was told too late.
            self._remove()
            self._end_part(None)
        return None

    def _so_far(self) -> Manifest | None:
        try:
            return spool.read_manifest((self.path / MANIFEST).read_bytes())
        except (spool.BadManifest, FileNotFoundError):
            return None

    def _waiting(self, manifest: Manifest) -> list[spool.Segment]:
        return [s for s in manifest.segments if (self.path / s.file).exists()]

    def _store_segment(self, segment: spool.Segment) -> None:
        local = self.path / segment.file
        stored = self._put(segment.file, local, CONTENT_TYPE[local.suffix])
        if stored.sha256 != segment.sha256:
            log.error(
                "a segment changed on the disk after it was closed",
                recording_id=str(self.recording_id),
                file=segment.file,
            )
        local.unlink()

    def _store_manifest(self, manifest: Manifest) -> str:
        """The manifest as far as it is true: of segments that are stored."""
        prefix = object_key(self.recording_id, self.epoch, "")
        there = {stored.key.removeprefix(prefix) for stored in self.tools.store.list(prefix)}
        missing = [s.file for s in manifest.segments if s.file not in there]
        if missing:
            log.error(
                "segments are neither in the spool nor in storage",
                recording_id=str(self.recording_id),
                files=missing,
            )
        draft = self.path / ".stored.jsonl"
        draft.write_bytes(
            spool.written(
                manifest.header,
                [s for s in manifest.segments if s.file in there],
                closed=manifest.closed,
            )
        )
        self._put(MANIFEST, draft, MANIFEST_TYPE)
        key = object_key(self.recording_id, self.epoch, MANIFEST)
        with self.tools.begin() as work:
            parts.keep_manifest(work.connection, self.recording_id, self.epoch, key, work.now)
        return key

    def _store_end(self, manifest: Manifest) -> None:
        key = self._store_manifest(manifest)
        if self._is_deleted():
            self._forget()
            return
        self._end_part(key)
        self._remove()

    def _end_part(self, manifest_key: str | None) -> None:
        with self.tools.begin() as work:
            # In the order of everybody who changes both.
            recordings.lock(work.connection, self.recording_id)
            self._reach(work, "stored", manifest_key)
            settle(work, self.recording_id)

    def _reach(self, work: Work, state: str, manifest_key: str | None = None) -> None:
        parts.end(
            work.connection,
            self.recording_id,
            self.epoch,
            state=state,
            now=work.now,
            manifest_key=manifest_key,
        )

    def _put(self, file: str, local: Path, content_type: str) -> StoredObject:
        def beat(checkpoint: Checkpoint) -> None:
            self.job.beat(checkpoint or None)

        self.job.beat()
        return self.tools.store.put(
            object_key(self.recording_id, self.epoch, file),
            local,
            content_type=content_type,
            resume=self.job.checkpoint,
            beat=beat,
        )

    def _is_deleted(self) -> bool:
        with self.tools.engine.connect() as connection:
            recording = recordings.find(connection, self.recording_id)
        return recording is not None and recording.state is RecordingState.DELETED

    def _is_long_over(self) -> bool:
        with self.tools.engine.connect() as connection:
            recording = recordings.find(connection, self.recording_id)
        if recording is None or recording.stopped_at is None:
            return False
        return self.tools.now() - recording.stopped_at > BEGUN_WITHIN

    def _forget(self) -> None:
        """Deleted meanwhile: what this upload stored after the deletion goes as well."""
        self._remove()
        prefix = object_key(self.recording_id, self.epoch, "")
        for stored in self.tools.store.list(prefix):
            self.tools.store.delete(stored.key)

    def _remove(self) -> None:
        if self.path.is_dir():
            shutil.rmtree(self.path)
        try:
            self.path.parent.rmdir()
        except OSError:
            pass  # another epoch's part is there, or nothing was
