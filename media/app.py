"""Builds the pod of its real parts, runs it, and drains it when told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import UTC, datetime

import structlog

from infra.bus.pods import PodInbox
from infra.bus.redis import RedisBus
from infra.contract.ids import PodId, new_id
from infra.settings import Settings
from infra.storage.spool import open_spool
from media.engine.reference import ReferenceEngine
from media.io.driver import every
from media.io.health import HealthServer, PodFigures
from media.io.pod import House, Inbox, Pod
from media.io.recorder import Recorder
from media.io.switchboard import Switchboard
from media.io.watchdog import Watchdog

log = structlog.get_logger(__name__)

DRAIN_S = 8.0
"What takes longer to end is left as it is: a killed pod's recordings are repaired anyway."
BEAT_S = 0.1


class CannotStart(Exception):
    """Something this pod needs is missing; the message says what, in one line."""


class PodApp:
    """A pod and all that runs around it. Make and use it on one event loop."""

    def __init__(self, settings: Settings, *, pod_id: PodId, inbox: Inbox, house: House) -> None:
        self._settings = settings
        spool_id = open_spool(settings.spool_path)
        engine = ReferenceEngine(settings.media_host, settings.media_port)
        self.pod = Pod(
            pod_id=pod_id,
            spool_id=spool_id,
            board=Switchboard(engine, announced_ip=settings.media_announced_ip),
            recorder=lambda report: Recorder(
                settings.spool_path,
                spool_id,
                pod_id,
                engine,
                segment_s=settings.segment_s,
                report=report,
                wall=lambda: datetime.now(UTC),
            ),
            inbox=inbox,
            house=house,
        )
        self._health = HealthServer(PodFigures(self.pod, lambda: self._lag))
        self._watchdog = Watchdog()
        self._lag = 0.0
        self._beat_at: float | None = None
        self._serving: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Raises CannotStart when a port is taken."""
        pod, settings = self.pod, self._settings
        try:
            pod.board.engine.start(pod.board)
            if settings.media_metrics_port:
                await self._health.start(settings.host, settings.media_metrics_port)
        except OSError as taken:
            raise CannotStart(
                f"UDP {settings.media_host}:{settings.media_port} or TCP {settings.host}:"
                f"{settings.media_metrics_port} cannot be listened on: {taken.strerror}"
            ) from taken
        self._watchdog.start()
        loop = asyncio.get_running_loop()
        self._serving = loop.create_task(pod.serve())
        self._tasks = [
            loop.create_task(work)
            for work in (
                pod.say(),
                every(1.0, pod.every_second),
                every(0.25, pod.every_quarter_second),
                every(5.0, pod.every_five_seconds),
                every(BEAT_S, self._beat),
            )
        ]
        log.info(
            "media pod up",
            pod_id=str(pod.pod_id),
            engine=pod.board.engine.name,
            media=pod.report().media_address,
        )

    async def stop(self) -> None:
        """Drain, and end everything that was started."""
        if self._serving is not None:
            # Before the pod retires: a reader of orders would make the stream anew.
            await _end(self._serving)
        try:
            async with asyncio.timeout(DRAIN_S):
                await self.pod.drain()
        except TimeoutError:
            log.error("draining took too long, ending as it is")
        for task in self._tasks:
            await _end(task)
        self._watchdog.stop()
        self._health.stop()

    def _beat(self) -> None:
        self._watchdog.beat()
        now = asyncio.get_running_loop().time()
        if self._beat_at is not None:
            self._lag = max(0.0, now - self._beat_at - BEAT_S)
        self._beat_at = now


async def _end(task: asyncio.Task[None]) -> None:
    """Cancel, as often as it takes: a client library may swallow one that crosses with an error."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.5)


async def run(settings: Settings) -> None:
    """Until SIGTERM or SIGINT; a second one ends the process at once."""
    if settings.redis_url is None:
        raise CannotStart("PARLEY_REDIS_URL is not set; `parley run` starts a Redis of its own.")
    stopping = asyncio.Event()

    def stop() -> None:
        if stopping.is_set():
            os._exit(1)
        stopping.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    pod_id = PodId(new_id())
    inbox = PodInbox(settings.redis_url, pod_id)
    bus = await RedisBus.open(settings.redis_url)
    app = PodApp(settings, pod_id=pod_id, inbox=inbox, house=bus)
    try:
        await app.start()
        await stopping.wait()
        log.info("draining")
        await app.stop()
    finally:
        await inbox.close()
        await bus.close()
