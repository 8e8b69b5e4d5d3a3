"""A recorded meeting as it lies in the store: segments, manifests, rows. Nobody is in the room."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from sqlalchemy import insert, update

from infra.contract.commands import StartRecording
from infra.contract.ids import (
    JobId,
    ParticipantId,
    PodId,
    RecordingId,
    RoomId,
    SpoolId,
    TrackId,
    TranscriptId,
    new_id,
)
from infra.contract.views import RecordingView, TenantConfig, TranscriptView
from infra.db import jobs, recordings, transcripts
from infra.db.recordings import PARTS, RECORDINGS
from infra.storage.disk import DiskStore
from infra.storage.spool import Header, Segment, object_key, sha256_of
from tests.support.house import House
from workers.tools import Tools
from workers.transcripts import request as _request  # noqa: F401 - registers its owner


class Archive:
    """One tenant, one room, one recording that has been made whole."""

    def __init__(self, house: House, folder: Path, config: TenantConfig | None = None) -> None:
        self.house = house
        self.folder = folder
        self.store = DiskStore(folder / "objects", "http://test", b"secret")
        self.tools: Tools = dataclasses.replace(house.tools, store=self.store)
        self.tenant = house.tenant(config)
        self.room = house.room(self.tenant)
        self.recording_id = RecordingId(new_id())
        house.do(
            StartRecording(
                tenant_id=self.tenant.id, room_id=self.room.id, recording_id=self.recording_id
            )
        )
        self._lines: dict[int, list[str]] = {}

    def speak(
        self,
        name: str,
        segments: Sequence[tuple[Path, int, int]],
        *,
        seat: ParticipantId | None = None,
        epoch: int = 1,
        source: str = "microphone",
    ) -> ParticipantId:
        """`segments`: file, where it lies in ms, how long it is in ms."""
        seat = seat or self.house.come(self.room, name)
        track = TrackId(new_id())
        for n, (path, t0_ms, dur_ms) in enumerate(segments):
            segment = Segment.model_validate(
                {
                    "track": track,
                    "participant": seat,
                    "kind": "audio",
                    "source": source,
                    "codec": "opus",
                    "epoch": epoch,
                    "n": n,
                    "file": f"{track}-{n:05d}.webm",
                    "t0_ms": t0_ms,
                    "dur_ms": dur_ms,
                    "bytes": path.stat().st_size,
                    "sha256": sha256_of(path),
                }
            )
            self._lines.setdefault(epoch, []).append(segment.model_dump_json())
            key = object_key(self.recording_id, epoch, segment.file)
            self.store.put(key, path, content_type="video/webm")
        return seat

    def keys_of_segments(self) -> list[str]:
        prefix = f"rec/{self.recording_id}/"
        return [o.key for o in self.store.list(prefix) if not o.key.endswith(".jsonl")]

    def close(self, *, movie: Path | None = None, lost_epochs: Sequence[int] = ()) -> RecordingView:
        """Everything is stored: the recording is ready."""
        spool, pod = SpoolId(new_id()), PodId(new_id())
        for epoch, lines in self._lines.items():
            key = object_key(self.recording_id, epoch, "manifest.jsonl")
            self._store_manifest(key, epoch, pod, spool, lines)
            self._part(epoch, pod, spool, "stored", key)
        for epoch in lost_epochs:
            self._part(epoch, pod, spool, "lost", None)
        movie_key = None
        if movie is not None:
            movie_key = f"rec/{self.recording_id}/recording.mp4"
            self.store.put(movie_key, movie, content_type="video/mp4")
        with self.house.begin() as work:
            work.connection.execute(
                update(RECORDINGS)
                .where(RECORDINGS.c.id == self.recording_id)
                .values(state="ready", object_key=movie_key, stopped_at=work.now)
            )
        return self.recording()

    def _store_manifest(
        self, key: str, epoch: int, pod: PodId, spool: SpoolId, lines: list[str]
    ) -> None:
        header = Header(
            recording=self.recording_id,
            room=RoomId(self.room.id),
            tenant=self.tenant.id,
            epoch=epoch,
            pod=pod,
            spool=spool,
            started_at=self.house.now,
        )
        path = self.folder / "manifest.jsonl"
        path.write_text("\n".join([header.model_dump_json(), *lines, '{"closed":true}', ""]))
        self.store.put(key, path, content_type="application/jsonl")

    def _part(self, epoch: int, pod: UUID, spool: UUID, state: str, key: str | None) -> None:
        with self.house.begin() as work:
            work.connection.execute(
                insert(PARTS).values(
                    recording_id=self.recording_id,
                    epoch=epoch,
                    pod_id=pod,
                    spool_id=spool,
                    state=state,
                    manifest_key=key,
                    updated_at=work.now,
                )
            )

    def recording(self) -> RecordingView:
        with self.house.engine.connect() as connection:
            found = recordings.get(connection, self.tenant.id, self.recording_id)
        assert found is not None
        return found

    def forget(self) -> None:
        """The recording is deleted."""
        with self.house.begin() as work:
            work.connection.execute(
                update(RECORDINGS)
                .where(RECORDINGS.c.id == self.recording_id)
                .values(state="deleted", deleted_at=work.now)
            )

    def transcript(self, transcript_id: TranscriptId) -> TranscriptView:
        with self.house.engine.connect() as connection:
            found = transcripts.get(connection, self.tenant.id, transcript_id)
        assert found is not None
        return found

    def due(self, transcript_id: TranscriptId) -> JobId:
        """The time for which the transcript's job waits has passed."""
        with self.house.engine.begin() as connection:
            job_id = connection.execute(
                update(jobs._jobs)
                .where(jobs._jobs.c.subject == str(transcript_id))
                .values(available_at=jobs.from_now(connection, -1.0))
                .returning(jobs._jobs.c.id)
            ).scalar_one()
        return JobId(job_id)

    def job(self, transcript_id: TranscriptId) -> jobs.ClaimedJob:
        """The transcript's job, claimed by a worker whose lease is over at once."""
        with self.house.engine.connect() as connection:
            row = connection.execute(
                jobs._jobs.select().where(jobs._jobs.c.subject == str(transcript_id))
            ).one()
        claimed = jobs.claim(self.house.engine, row.id, lease_s=0.0)
        assert claimed is not None, f"the job is {row.state}"
        return claimed
