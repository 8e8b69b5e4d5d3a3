"""The watchdog, the figures, and a pod as its own process."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

from infra.bus.redis import RedisBus
from infra.contract.ids import ConnectionId, ParticipantId, RoomId, TenantId, new_id
from infra.contract.live import HoldRoom, PauseSlot
from infra.contract.messages import Done
from infra.contract.refusals import Reason, Refused
from media.io.watchdog import ABORT_AFTER, DUMP_AFTER, Watchdog
from tests.support.servers import free_port


class Alarm:
    def __init__(self) -> None:
        self.said: list[str] = []
        self.dog = Watchdog(
            dump=lambda: self.said.append("dump"), abort=lambda: self.said.append("abort")
        )

    def look(self, times: int) -> list[str]:
        for _ in range(times):
            self.dog.look()
        return self.said


def test_a_loop_that_beats_is_left_alone() -> None:
    alarm = Alarm()

    for _ in range(100):
        alarm.dog.beat()
        alarm.look(1)

    assert alarm.said == []


def test_a_stuck_loop_is_shown_first_and_ended_later() -> None:
    alarm = Alarm()

    assert alarm.look(1 + DUMP_AFTER - 1) == []
    assert alarm.look(1) == ["dump"]
    assert alarm.look(ABORT_AFTER - DUMP_AFTER) == ["dump", "abort"]


def test_a_loop_that_recovers_starts_afresh() -> None:
    alarm = Alarm()
    alarm.look(DUMP_AFTER)

    alarm.dog.beat()

    assert alarm.look(DUMP_AFTER) == []


@asynccontextmanager
async def pod_process(home: Path, redis_url: str, metrics_port: int) -> AsyncIterator[int]:
    env = {
        **os.environ,
        "PARLEY_HOME": str(home),
        "PARLEY_REDIS_URL": redis_url,
        "PARLEY_MEDIA_METRICS_PORT": str(metrics_port),
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "media", env=env)
    try:
        yield process.pid
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await process.wait() == 0


async def test_a_pod_process_takes_orders_reports_and_goes_when_told(
    tmp_path: Path, redis_url: str
) -> None:
    port = free_port()
    bus = await RedisBus.open(redis_url)
    async with pod_process(tmp_path, redis_url, port) as pid:
        reports = await _until_reported(bus)
        hold = HoldRoom(
            room_id=RoomId(new_id()), epoch=1, tenant_id=TenantId(new_id()), recording=None
        )
        done = await bus.order(reports[0].pod_id, hold)
        pause = PauseSlot(
            room_id=hold.room_id,
            epoch=1,
            participant_id=ParticipantId(new_id()),
            connection_id=ConnectionId(new_id()),
            mid="0",
            paused=True,
        )
        many = await asyncio.gather(
            *(bus.order(reports[0].pod_id, pause) for _ in range(300)), return_exceptions=True
        )
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            alive, figures = await http.get("/livez"), await http.get("/metrics")
            lost = await http.get("/nothing")

    gone = await bus.pods()
    await bus.close()
    assert (reports[0].pid, reports[0].engine) == (pid, "reference")
    assert done == Done()
    said = {no.refusal.reason if isinstance(no, Refused) else no for no in many}
    assert said == {Reason.SESSION_UNKNOWN}
    assert (alive.status_code, lost.status_code) == (200, 404)
    assert "parley_media_rooms 1.0" in figures.text
    assert "parley_media_packets_forwarded_total 0.0" in figures.text
    assert "parley_media_recorder_segments_total 0.0" in figures.text
    assert "parley_media_recorder_degraded 0.0" in figures.text
    assert "parley_media_spool_used " in figures.text
    assert gone == []


async def _until_reported(bus: RedisBus) -> list:  # type: ignore[type-arg]
    deadline = time.monotonic() + 10
    while not (reports := await bus.pods()):
        assert time.monotonic() < deadline, "the pod never reported"
        await asyncio.sleep(0.05)
    return reports
