"""The worker program: real parts chosen and joined, started, and stopped without losing work."""

from __future__ import annotations

import importlib
import os
import signal
import socket
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from types import FrameType
from uuid import UUID

import redis
import structlog
from dramatiq import Actor, Message, Worker
from sqlalchemy.exc import SQLAlchemyError

from infra import secrets
from infra.bus import keys
from infra.bus.broker import ACTOR, JOB_ACTOR, WakeRedisBroker, clock_skew_s, open_redis
from infra.contract.ids import JobId
from infra.contract.messages import Envelope, Outcome
from infra.db.engine import make_engine
from infra.db.jobs import LEASE_S
from infra.db.migrate import is_current
from infra.settings import Settings
from infra.storage.choose import open_store
from infra.storage.spool import open_spool
from workers.commands import DatabaseAway, carry_out
from workers.labour import labour
from workers.mail.server import mail_server, sender
from workers.outbox.relay import Sender
from workers.owners import PERIODIC
from workers.rounds import Rounds
from workers.tools import Tools
from workers.webhooks.courier import Courier

QUEUES = ("commands", "mail", "recordings", "transcripts", "uploads", "webhooks")
"What `--queues` may name. `uploads` stands for the queue of the spool on this machine."

SKEW_S = 2.0
"A clock further than this from Redis's makes live workers look dead: such a worker does not start."

WORKER_TTL_S = 5
DRAIN_S = 20.0
"Seconds a stopping worker has to end what it does; its jobs go on elsewhere from checkpoints."

OWNING = (
    "workers.chat.send",
    "workers.directory.people",
    "workers.mail.keeping",
    "workers.mail.send",
    "workers.outbox.relay",
    "workers.outbox.sweeper",
    "workers.recordings.archive",
    "workers.recordings.compose",
    "workers.recordings.delete",
    "workers.recordings.downloads",
    "workers.recordings.recover",
    "workers.recordings.start",
    "workers.recordings.sweep",
    "workers.recordings.sync",
    "workers.recordings.upload",
    "workers.rooms.change",
    "workers.rooms.door",
    "workers.rooms.end",
    "workers.rooms.invite",
    "workers.rooms.guests",
    "workers.rooms.join",
    "workers.rooms.open",
    "workers.rooms.people",
    "workers.rooms.place",
    "workers.rooms.presence",
    "workers.rooms.reap",
    "workers.rooms.seats",
    "workers.rooms.start",
    "workers.statistics.note",
    "workers.statistics.sweep",
    "workers.tenants.account",
    "workers.tenants.keys",
    "workers.transcripts.request",
    "workers.transcripts.transcribe",
    "workers.webhooks.endpoints",
    "workers.webhooks.keeping",
)
"Modules that own a command, do a job or run now and then. What else they need they import."

_PULSE_S = 0.2
_POLL_MS = 1000
"How often an idle consumer looks by itself, for a message that came without a wake token."
_AWAY_S = 1.0
FORGOTTEN = timedelta(seconds=60)
"""A command whose asker gave up this long ago is dropped: a retry under its key is a new message.
Longer: a command that kills its worker is started more often, once in every heartbeat timeout."""

log = structlog.get_logger(__name__)


class CannotStart(Exception):
    """Says in one line what is missing."""


def import_owners() -> None:
    """Have every owner register itself."""
    for name in OWNING:
        importlib.import_module(name)


class WorkerApp:
    """One worker process. `start()`, wait, `stop()`."""

    def __init__(
        self, settings: Settings, queues: Sequence[str], *, lease_s: float = LEASE_S
    ) -> None:
        url = settings.redis_url
        if url is None:
            raise CannotStart("PARLEY_REDIS_URL is not set")
        self.name = f"{socket.gethostname()}-{os.getpid()}"
        self.queues = [self._real_name(queue, settings) for queue in queues]
        self._lease_s = lease_s
        job_queues = [queue for queue in self.queues if queue != keys.COMMANDS]
        # A job occupies one thread for as long as it takes; commands keep theirs.
        threads = len(job_queues)
        if keys.COMMANDS in self.queues:
            threads += settings.worker_threads
        prefetch = dict.fromkeys(job_queues, 1) | {keys.COMMANDS: settings.worker_threads}
        self.engine = make_engine(settings.sqlalchemy_url, connections=threads + 6)
        self.redis = open_redis(url)
        self.broker = WakeRedisBroker(url, prefetch=prefetch)
        self.sender = Sender(self.engine, self.redis, self.broker)
        self.tools = Tools(
            engine=self.engine,
            redis=self.redis,
            store=open_store(settings),
            settings=settings,
            send=self.sender,
            waiting=self.broker.waiting,
        )
        self._declare()
        self._worker = Worker(
            self.broker,
            queues=set(self.queues),
            worker_threads=threads,
            worker_timeout=_POLL_MS,
        )
        runs_rounds = keys.COMMANDS in self.queues
        self._rounds = Rounds(self.tools, self.name, PERIODIC) if runs_rounds else None
        sends = keys.WEBHOOKS in self.queues
        self._courier = Courier(self.tools, secrets.load(settings)) if sends else None
        self._over = threading.Event()
        self._pulse = threading.Thread(target=self._beat, name="pulse", daemon=True)

    @staticmethod
    def _real_name(queue: str, settings: Settings) -> str:
        if queue not in QUEUES:
            raise CannotStart(f"there is no queue {queue}: {', '.join(QUEUES)}")
        return keys.uploads(open_spool(settings.spool_path)) if queue == "uploads" else queue

    def check(self) -> None:
        """Raises `CannotStart` unless the database and Redis are there and fit."""
        try:
            skew = clock_skew_s(self.redis)
        except redis.RedisError as broken:
            raise CannotStart(f"Redis does not answer: {broken}") from broken
        try:
            mail_server(self.tools.settings), sender(self.tools.settings)
        except ValueError as unusable:
            raise CannotStart(str(unusable)) from unusable
        if abs(skew) > SKEW_S:
            raise CannotStart(f"this machine's clock is {skew:+.1f} s from Redis's: set it right")
        try:
            with self.engine.connect() as connection:
                if not is_current(connection):
                    raise CannotStart("the database has other tables: run `parley migrate`")
        except SQLAlchemyError as broken:
            first_line = str(broken).partition("\n")[0]
            raise CannotStart(f"the database does not answer: {first_line}") from broken

    def start(self) -> None:
        self._worker.start()
        self._pulse.start()
        if self._rounds is not None:
            self._rounds.start()
        if self._courier is not None:
            self._courier.start()
        log.info("worker started", queues=self.queues, worker=self.name)

    def stop(self) -> None:
        """Take nothing more, end or give back what there is, and go."""
        self.tools.draining.set()
        if self._rounds is not None:
            self._rounds.stop()
        if self._courier is not None:
            self._courier.stop()
        self._worker.stop(timeout=int(DRAIN_S * 1000))
        self._over.set()
        self._pulse.join()
        self._leave()
        self.engine.dispose()
        self.redis.close()
        self.broker.client.close()
        log.info("worker stopped", worker=self.name)

    def _declare(self) -> None:
        for name, function in ((ACTOR, self._perform), (JOB_ACTOR, self._perform_job)):
            Actor(
                function,
                broker=self.broker,
                actor_name=name,
                queue_name=keys.COMMANDS,
                # Commands are answered within two seconds, jobs are not.
                priority=0 if name == ACTOR else 1,
                options={},
            )
        for queue in self.queues:
            self.broker.declare_queue(queue)

    def _perform(self, raw: str) -> None:
        envelope = Envelope.model_validate_json(raw)
        if envelope.not_after is not None and self.tools.now() > envelope.not_after + FORGOTTEN:
            log.error("a command nobody waits for was dropped", kind=envelope.kind)
            return
        try:
            outcome = carry_out(envelope, self.tools)
        except DatabaseAway as away:
            if envelope.reply_to is None:
                # Nobody is there to ask again: it waits in the queue for the database.
                time.sleep(_AWAY_S)
                self.broker.enqueue(
                    Message(
                        queue_name=keys.COMMANDS,
                        actor_name=ACTOR,
                        args=(raw,),
                        kwargs={},
                        options={},
                    )
                )
                return
            outcome = Outcome(command_id=envelope.command_id, error=type(away).__name__)
        if envelope.reply_to is not None:
            self.broker.reply(envelope.reply_to, outcome.model_dump_json(exclude_none=True))

    def _perform_job(self, job_id: str) -> None:
        labour(JobId(UUID(job_id)), self.tools, lease_s=self._lease_s)

    def _beat(self) -> None:
        """Say that this process lives, and clear what it sent."""
        said_at = 0.0
        while not self._over.wait(_PULSE_S):
            self.sender.forget_sent()
            if time.monotonic() - said_at < 1.0:
                continue
            said_at = time.monotonic()
            try:
                self.broker.beat()
                with self.redis.pipeline(transaction=False) as pipe:
                    for queue in self.queues:
                        pipe.set(keys.worker(queue, self.name), os.getpid(), ex=WORKER_TTL_S)
                        pipe.sadd(keys.WORKERS, f"{queue}:{self.name}")
                    pipe.execute()
            except redis.RedisError as broken:
                log.warning("no sign of life could be given", error=str(broken))
        self.sender.forget_sent()

    def _leave(self) -> None:
        try:
            with self.redis.pipeline(transaction=False) as pipe:
                for queue in self.queues:
                    pipe.delete(keys.worker(queue, self.name))
                    pipe.srem(keys.WORKERS, f"{queue}:{self.name}")
                pipe.execute()
        except redis.RedisError as broken:
            log.warning("no farewell could be said", error=str(broken))


def run(settings: Settings, queues: Sequence[str], *, lease_s: float = LEASE_S) -> None:
    """Work until SIGTERM or SIGINT. A second one ends the process at once. Raises `CannotStart`."""
    app = WorkerApp(settings, queues, lease_s=lease_s)
    app.check()
    told = threading.Event()

    def stop(number: int, _: FrameType | None) -> None:
        if told.is_set():
            os._exit(128 + number)
        told.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    app.start()
    # Woken now and then, since a signal does not interrupt every platform's wait.
    while not told.wait(1.0):
        pass
    app.stop()
