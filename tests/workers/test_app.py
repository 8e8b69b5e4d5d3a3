"""Real worker processes, killed and stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dramatiq import Message
from sqlalchemy import Engine, select

from infra.bus import keys
from infra.bus.broker import ACTOR, WakeRedisBroker, open_redis
from infra.bus.redis import RedisBus
from infra.contract.ids import CommandId, JobId, TenantId, new_id
from infra.contract.messages import Envelope
from infra.contract.refusals import Reason, Refused
from infra.db import jobs
from infra.db.engine import make_engine
from infra.db.migrate import upgrade
from infra.db.tables import AuditEntry, Job
from infra.db.work import begin
from infra.settings import Settings
from tests.support.owners import Dawdle, Note, Noted
from tests.support.servers import PostgresServer, RedisServer, free_port
from workers.app import CannotStart, WorkerApp
from workers.outbox.relay import deliver

_audit = AuditEntry.__table__  # type: ignore[attr-defined]
_jobs = Job.__table__  # type: ignore[attr-defined]

LEASE_S = 0.6
"Seconds a killed worker's job waits in these tests; 30 in life."


class Workers:
    """Worker processes on one database and one Redis."""

    def __init__(self, engine: Engine, url: str, home: Path) -> None:
        self.engine = engine
        self.url = url
        self._home = home
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, queues: str = "commands,recordings") -> subprocess.Popen[bytes]:
        environment = os.environ | {
            "PARLEY_REDIS_URL": self.url,
            "PARLEY_DATABASE_URL": self.engine.url.render_as_string(hide_password=False),
            "PARLEY_HOME": str(self._home),
            "PARLEY_WORKER_THREADS": "2",
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.worker", queues, str(LEASE_S)], env=environment
        )
        self.processes.append(process)
        return process

    def keep(self, seconds: float, until: Callable[[], bool]) -> None:
        """As the supervisor does: start another whenever one has died."""
        end = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < end, "it did not happen in time"
            for process in list(self.processes):
                if process.poll() is not None:
                    self.processes.remove(process)
                    self.start()
            time.sleep(0.05)

    def enqueue(self, kind: str, subject: str) -> JobId:
        left = []
        with begin(self.engine, now=datetime.now(UTC), send=left.extend) as work:
            job_id = jobs.enqueue(work, kind, subject, "recordings", {})
        broker = WakeRedisBroker(self.url)
        with open_redis(self.url) as client:
            deliver(left, client, broker)
        broker.client.close()
        return job_id

    def state(self, job_id: JobId) -> str:
        with self.engine.connect() as connection:
            query = select(_jobs.c.state).where(_jobs.c.id == job_id)
            return str(connection.execute(query).scalar_one())

    def notes(self) -> list[str]:
        with self.engine.connect() as connection:
            query = select(_audit.c.subject).order_by(_audit.c.id)
            return list(connection.execute(query).scalars())

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def workers(postgres_url: str, own_redis: RedisServer, tmp_path: Path) -> Iterator[Workers]:
    yield from _workers(postgres_url, own_redis, tmp_path)


@pytest.fixture
def workers_on_sqlite(sqlite_url: str, own_redis: RedisServer, tmp_path: Path) -> Iterator[Workers]:
    yield from _workers(sqlite_url, own_redis, tmp_path)


def _workers(database_url: str, redis: RedisServer, tmp_path: Path) -> Iterator[Workers]:
    engine = make_engine(database_url)
    made = Workers(engine, redis.url, tmp_path / "home")
    yield made
    made.close()
    engine.dispose()


async def ask(url: str, command: Note) -> Noted:
    """Ask until a worker is there."""
    bus = await RedisBus.open(url)
    try:
        for _ in range(40):
            try:
                return await bus.ask(command, within=1.0)
            except Refused:
                continue
        raise AssertionError("no worker answered")
    finally:
        await bus.close()


async def test_a_worker_answers_does_jobs_is_seen_and_ends_its_work_before_it_stops(
    workers_on_sqlite: Workers,
) -> None:
    workers = workers_on_sqlite
    process = workers.start()
    job_id = workers.enqueue("test.note", "done by the way")

    reply = await ask(workers.url, Note(tenant_id=TenantId(new_id()), text="hello"))

    assert reply.text == "hello"
    workers.keep(10, lambda: workers.state(job_id) == "done")
    assert workers.notes().count("done by the way") == 1
    bus = await RedisBus.open(workers.url)
    assert await bus.workers() == {"commands": [process.pid], "recordings": [process.pid]}

    asked = asyncio.create_task(bus.ask(Dawdle(seconds=1.0), within=5.0))
    await asyncio.sleep(0.3)
    process.send_signal(signal.SIGTERM)

    await asked
    assert await asyncio.to_thread(process.wait, 10) == 0
    assert await bus.workers() == {}
    await bus.close()


def test_the_job_of_a_killed_worker_is_finished_once_by_another(workers: Workers) -> None:
    workers.start()
    job_id = workers.enqueue("test.kill_first", "half")

    workers.keep(30, lambda: workers.state(job_id) == "done")

    assert workers.notes() == ["half {'half': True} 2"]


def test_a_job_that_kills_workers_is_set_aside_and_its_neighbour_done(workers: Workers) -> None:
    workers.start()
    poison = workers.enqueue("test.poison", "poison")
    neighbour = workers.enqueue("test.note", "neighbour")

    workers.keep(60, lambda: workers.state(poison) == "failed")
    workers.keep(20, lambda: workers.state(neighbour) == "done")

    notes = workers.notes()
    assert notes.count("poison started") == 3
    assert notes.count("neighbour") == 1
    assert [note for note in notes if "given up" in note] == [
        "poison given up: poison: every attempt ended with its worker"
    ]


def test_a_stopping_worker_gives_its_job_back_untried(workers: Workers) -> None:
    first = workers.start()
    job_id = workers.enqueue("test.patient", "patient")
    workers.keep(15, lambda: workers.notes() == ["patient started"])

    first.send_signal(signal.SIGTERM)
    assert first.wait(15) == 0

    assert workers.state(job_id) == "queued"
    job = jobs.claim(workers.engine, job_id)
    assert job is not None
    assert job.attempt == 1
    assert job.checkpoint is not None


async def test_jobs_and_commands_go_on_when_redis_comes_back_empty(
    workers: Workers, own_redis: RedisServer
) -> None:
    process = workers.start()
    await ask(workers.url, Note(tenant_id=TenantId(new_id()), text="before"))

    # Their bells are in a Redis that forgets them.
    own_redis.kill()
    with begin(workers.engine, now=datetime.now(UTC), send=lambda left: None) as work:
        queued = [jobs.enqueue(work, "test.note", f"job {n}", "recordings", {}) for n in range(20)]
        # They were rung a while ago, and before that their outbox rows were removed.
        work.connection.execute(_jobs.update().values(rung_at=None))
        work.left.clear()
    own_redis.start()

    workers.keep(20, lambda: all(workers.state(job) == "done" for job in queued))
    done = sorted(note for note in workers.notes() if note.startswith("job"))
    assert done == sorted(f"job {n}" for n in range(20))
    after = await ask(workers.url, Note(tenant_id=TenantId(new_id()), text="after"))
    assert after.text == "after"
    assert process.poll() is None, "the same process went on"


async def test_what_was_told_while_the_database_was_away_is_done_when_it_is_back(
    own_redis: RedisServer, tmp_path: Path
) -> None:
    server = PostgresServer().start()
    upgrade(server.url("postgres"))
    workers = Workers(make_engine(server.url("postgres")), own_redis.url, tmp_path)
    bus = await RedisBus.open(own_redis.url)
    try:
        workers.start("commands")
        await ask(workers.url, Note(tenant_id=TenantId(new_id()), text="before"))
        server.kill()

        await bus.tell(Note(tenant_id=TenantId(new_id()), text="told meanwhile"))
        with pytest.raises(Refused) as refused:
            await bus.ask(Note(tenant_id=TenantId(new_id()), text="asked meanwhile"))
        assert refused.value.refusal.reason is Reason.UNAVAILABLE
        server.boot()

        await asyncio.to_thread(workers.keep, 15, lambda: "told meanwhile" in workers.notes())
        assert "asked meanwhile" not in workers.notes()
    finally:
        await bus.close()
        workers.close()
        workers.engine.dispose()
        server.close()


def test_periodic_functions_run_in_one_worker_and_then_in_its_heir(workers: Workers) -> None:
    first, second = workers.start("commands"), workers.start("commands")

    def ran() -> list[int]:
        with open_redis(workers.url) as client:
            return [int(pid) for pid in client.lrange("test:rounds", 0, -1)]  # type: ignore[union-attr]

    workers.keep(20, lambda: len(ran()) >= 6)
    with open_redis(workers.url) as client:
        for _ in range(200):
            if client.scard(keys.WORKERS) == 2:
                break
            time.sleep(0.05)
    holder = set(ran()[-3:])
    assert len(holder) == 1
    dead, heir = (first, second) if first.pid in holder else (second, first)

    dead.kill()
    dead.wait()
    workers.processes.remove(dead)
    before = len(ran())
    workers.keep(15, lambda: len(ran()) >= before + 2)

    assert set(ran()[before + 1 :]) == {heir.pid}


@pytest.fixture
def here(sqlite_url: str, redis_url: str, tmp_path: Path) -> Settings:
    return Settings(
        _env_file=None, database_url=sqlite_url, redis_url=redis_url, home=tmp_path / "home"
    )


def test_a_command_whose_asker_is_long_gone_is_dropped(here: Settings) -> None:
    app = WorkerApp(here, ["commands"])
    now = datetime.now(UTC)
    for text, not_after in (("old", now - timedelta(seconds=90)), ("new", now)):
        command = Note(tenant_id=TenantId(new_id()), text=text)
        said = Envelope(
            command_id=CommandId(new_id()),
            kind=command.kind,
            body=command.model_dump(mode="json"),
            reply_to="parley:replies:nobody",
            not_after=not_after,
        )
        message: Message[None] = Message(
            queue_name=keys.COMMANDS,
            actor_name=ACTOR,
            args=(said.model_dump_json(),),
            kwargs={},
            options={},
        )
        app.broker.enqueue(message)

    app.start()
    try:
        with app.engine.connect() as connection:
            query = select(_audit.c.subject)
        for _ in range(200):
            with app.engine.connect() as connection:
                notes = list(connection.execute(query).scalars())
            if notes:
                break
            time.sleep(0.02)
        assert notes == ["new"]
    finally:
        app.stop()


def test_a_worker_that_cannot_work_says_why_in_one_line(here: Settings, tmp_path: Path) -> None:
    no_redis = here.model_copy(update={"redis_url": f"redis://127.0.0.1:{free_port()}/0"})
    no_tables = here.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'empty.db'}"})
    no_database = here.model_copy(
        update={"database_url": f"postgresql://nobody@127.0.0.1:{free_port()}/none"}
    )

    for settings, why in (
        (no_redis, "Redis does not answer"),
        (no_tables, "run `parley migrate`"),
        (no_database, "the database does not answer"),
    ):
        with pytest.raises(CannotStart, match=why) as cannot:
            WorkerApp(settings, ["commands"]).check()
        assert len(str(cannot.value).splitlines()) == 1, why
    with pytest.raises(CannotStart, match="there is no queue lunch"):
        WorkerApp(here, ["lunch"])
