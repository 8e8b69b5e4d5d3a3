"""A room that is recorded: its pod's spool, the worker beside it, and the store."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from infra.bus import keys
from infra.contract.commands import PlaceRoom, ReportSpool, StartRecording, StopRecording
from infra.contract.ids import ParticipantId, PodId, RecordingId, RoomId, SpoolId, TenantId, new_id
from infra.contract.views import RecordingState, RecordingView, TenantConfig
from infra.db import jobs, recordings
from infra.db.jobs import from_now
from infra.db.tables import Job
from infra.settings import Settings
from infra.storage.port import ObjectStore
from infra.storage.spool import Header, recording_prefix
from tests.support.captured import Take, capture
from tests.support.house import House
from tests.support.rtp_media import tone
from workers.labour import labour
from workers.owners import PERFORMERS
from workers.recordings import (  # noqa: F401 - register their owners
    archive,
    compose,
    delete,
    downloads,
    recover,
    start,
    sweep,
    sync,
    upload,
)
from workers.tools import Tools

JOBS = Job.metadata.tables["jobs"]


class Studio:
    """Recording begins when this is made. Epochs count up from 1 as the room moves."""

    def __init__(
        self, house: House, folder: Path, store: ObjectStore, config: TenantConfig | None = None
    ) -> None:
        self.house = house
        self.spool = folder / "spool"
        self.spool.mkdir(exist_ok=True)
        self.store = store
        settings = Settings(  # type: ignore[call-arg]
            _env_file=None, home=folder, spool=self.spool
        )
        self.tools: Tools = dataclasses.replace(house.tools, store=store, settings=settings)
        house.tools = self.tools
        self.tenant = house.tenant(config)
        self.room = house.room(self.tenant, "daily")
        self.pod = house.pod()
        house.do(PlaceRoom(tenant_id=self.tenant.id, room_id=self.room.id))
        self.recording_id = RecordingId(new_id())
        self.began_at = house.now
        self.do(
            StartRecording(
                tenant_id=self.tenant.id, room_id=self.room.id, recording_id=self.recording_id
            )
        )

    def do(self, command: Any) -> Any:
        return self.house.do(command)

    # --- the pod ---

    def header(self, epoch: int = 1) -> Header:
        return Header(
            recording=self.recording_id,
            room=RoomId(self.room.id),
            tenant=TenantId(self.tenant.id),
            epoch=epoch,
            pod=self.pod.pod_id,
            spool=self.pod.spool_id,
            started_at=self.began_at,
        )

    def capture(self, takes: Sequence[Take] = (), *, epoch: int = 1, **how: bool) -> Path:
        """The pod writes this; nobody has been told yet. One voice for a second, unless said."""
        some = takes or [Take("audio", tone(1.0), 0, ParticipantId(new_id()))]
        return capture(self.spool, self.header(epoch), some, **how)

    def report(self, *, epoch: int = 1, closed: bool = True) -> None:
        self.do(
            ReportSpool(
                recording_id=self.recording_id,
                epoch=epoch,
                spool_id=self.pod.spool_id,
                closed=closed,
            )
        )

    def part(self, epoch: int, *, spool: SpoolId | None = None) -> None:
        """The room moved: this epoch is written by another pod."""
        with self.house.begin() as work:
            recordings.begin_part(
                work.connection,
                self.recording_id,
                epoch=epoch,
                pod_id=PodId(new_id()),
                spool_id=spool or self.pod.spool_id,
                now=work.now,
            )

    def stop(self) -> None:
        self.do(StopRecording(tenant_id=self.tenant.id, room_id=self.room.id))

    def record(self, takes: Sequence[Take] = ()) -> RecordingView:
        """From the first word to the playable file."""
        self.capture(takes)
        self.report()
        self.stop()
        self.work()
        return self.view()

    # --- the workers ---

    def serve_spool(self) -> None:
        """An upload worker is alive beside the spool."""
        queue = keys.uploads(self.pod.spool_id)
        self.house.redis.sadd(keys.WORKERS, f"{queue}:here-1")
        self.house.redis.set(keys.worker(queue, "here-1"), 1)

    def work(self, *kinds: str) -> list[str]:
        """Do the jobs that are due, and those they lead to. What was done, in order."""
        done: list[str] = []
        wanted = set(kinds or PERFORMERS) - {"transcribe"}
        while waiting := [job for job in self.jobs("queued") if job.kind in wanted]:
            before = len(done)
            for job in waiting:
                labour(job.id, self.tools)
                if self.job(job.kind, job.subject).state != "queued":
                    done.append(job.kind)
            if len(done) == before:
                break  # not due yet
        return done

    def make_due(self) -> None:
        """The time for which failed attempts wait has passed."""
        with self.house.engine.begin() as connection:
            connection.execute(
                update(JOBS)
                .where(JOBS.c.state == "queued")
                .values(available_at=from_now(connection, -1.0))
            )

    def jobs(self, state: str) -> list[Any]:
        statement = select(JOBS).where(JOBS.c.state == state).order_by(JOBS.c.id)
        with self.house.engine.connect() as connection:
            return list(connection.execute(statement))

    def job(self, kind: str, subject: str | None = None) -> Any:
        statement = select(JOBS).where(JOBS.c.kind == kind)
        if subject is not None:
            statement = statement.where(JOBS.c.subject == subject)
        with self.house.engine.connect() as connection:
            return connection.execute(statement).one()

    def claim(self, kind: str) -> jobs.ClaimedJob:
        claimed = jobs.claim(self.house.engine, self.job(kind).id)
        assert claimed is not None
        return claimed

    # --- what came of it ---

    def view(self) -> RecordingView:
        with self.house.engine.connect() as connection:
            found = recordings.get(connection, self.tenant.id, self.recording_id)
        assert found is not None
        return found

    def state(self) -> RecordingState | None:
        with self.house.engine.connect() as connection:
            found = recordings.find(connection, self.recording_id)
        return found.state if found else None

    def parts(self) -> dict[int, str]:
        with self.house.engine.connect() as connection:
            return {p.epoch: p.state for p in recordings.parts(connection, self.recording_id)}

    def stored(self) -> list[str]:
        """Names below the recording's own prefix."""
        prefix = recording_prefix(self.recording_id)
        return [found.key.removeprefix(prefix) for found in self.store.list(prefix)]

    def spooled(self) -> list[str]:
        """Everything in the spool, the spool's own id left out."""
        return sorted(p.name for p in self.spool.rglob("*") if p.is_file() and p.name != "ID")
