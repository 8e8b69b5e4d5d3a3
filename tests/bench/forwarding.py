"""CPU of a forwarded packet: one publisher, fifty viewers, ours and Janus in turn.

Both forward 500 packets a second of 1,100 octets while viewers NACK, reports flow and feedback is
asked for. A run of ours in which RTX, SR or transport-wide feedback stood still is not counted.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import aioice.ice
import httpx2

from tests.bench.leg import Leg
from tests.bench.servers import Parley, Server, janus
from tests.support.stack import running_stack

VIEWERS = 50
RATE = 500
SIZE = 1100
ROUNDS = 3
WARM_S, MEASURED_S = 2.0, 5.0


@dataclass(frozen=True)
class Figure:
    us_per_forward: float
    delivered: float
    "Share of what should have arrived."


def cpu_ns(pid: int) -> int:
    """Exact run time of all threads of a process."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)


async def measure(server: Server) -> Figure:
    """Connect everybody, send, and account the server's CPU to what arrived."""
    ssrc = 0x1234_5678
    source, mid = await server.publisher(ssrc)
    viewers: list[Leg] = []
    while len(viewers) < VIEWERS:
        viewers.append(await server.subscriber())
        # Those that are in already answer their consent checks meanwhile (RFC 7675).
        for leg in (source, *viewers):
            leg.drain()
    sent = 0
    started = time.monotonic()
    measured: tuple[float, int, int, int] | None = None
    next_report = next_nack = started
    while (now := time.monotonic()) - started < WARM_S + MEASURED_S:
        while sent < (now - started) * RATE:
            source.publish(ssrc, mid, SIZE)
            sent += 1
        if now >= next_report:
            source.report(ssrc)
            next_report += 1.0
        if now >= next_nack:
            for viewer in viewers:
                viewer.ask_again()
            next_nack += 1.0
        source.drain()
        for viewer in viewers:
            viewer.drain()
        if measured is None and now - started >= WARM_S:
            measured = (now, cpu_ns(server.pid), sum(v.packets for v in viewers), sent)
        await asyncio.sleep(0.004)
    assert measured is not None
    _, cpu, received, sent_before = measured
    forwarded = sum(v.packets for v in viewers) - received
    idle = {
        "RTX": sum(v.rtx for v in viewers),
        "SR": sum(v.sender_reports for v in viewers),
        "transport-cc": source.transport_feedback,
    }
    still = [name for name, count in idle.items() if not count]
    if still and isinstance(server, Parley):
        raise RuntimeError(f"{server.name}: {', '.join(still)} stood still: nothing to compare")
    return Figure(
        us_per_forward=(cpu_ns(server.pid) - cpu) / 1000 / max(1, forwarded),
        delivered=forwarded / ((sent - sent_before) * VIEWERS),
    )


async def bench() -> None:
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
    ours: list[Figure] = []
    theirs: list[Figure] = []
    with (
        tempfile.TemporaryDirectory() as scratch,
        running_stack(Path(scratch) / "home", PARLEY_RATE_LIMIT_PER_MINUTE="0") as stack,
    ):
        tenant = stack.tenant()
        async with httpx2.AsyncClient(base_url=stack.url, timeout=20, trust_env=False) as http:
            for turn in range(ROUNDS):
                room = tenant.post("/rooms", {"config": {"max_participants": 200}})["id"]
                ours.append(await measure(Parley(http, tenant.key, room, stack.pid("media"))))
                tenant.post(f"/rooms/{room}/end")
                beside = Path(scratch) / f"janus{turn}"
                beside.mkdir()
                async with janus(beside) as server:
                    theirs.append(await measure(server))
    for name, figures in (("parley", ours), ("janus, one event loop", theirs)):
        each = " ".join(f"{f.us_per_forward:.1f}" for f in figures)
        least = min(f.delivered for f in figures)
        print(f"  {name:<24} {each} us a forward, at least {least:.1%} delivered")
    ratios = [a.us_per_forward / b.us_per_forward for a, b in zip(ours, theirs, strict=True)]
    print(f"  ratio parley / janus: median {statistics.median(ratios):.2f} (goal: at most 1.00)")
