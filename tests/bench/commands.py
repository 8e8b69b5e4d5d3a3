"""Rooms made over HTTP: how soon when idle, how many when busy, at what CPU, on Postgres.

Postgres as it comes, every commit on disk. The limit beside it, in turn: the rows of one command
written by the database driver alone, one transaction each, from as many threads as the worker has.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg

from tests.bench.forwarding import cpu_ns
from tests.support.servers import PostgresServer
from tests.support.stack import StackUnderTest, running_stack

CONNECTIONS = 16
BUSY_S = 6.0
ROUNDS = 3
IDLE_SAMPLES = 150
IDLE_GAP_S = 0.05
THREADS = 8


class Client:
    """One keep-alive connection that asks for one thing, as cheaply as Python can."""

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname, parts.port)
        body = json.dumps({"name": "bench"}).encode()
        self._request = (
            b"POST /api/v1/rooms HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            + f"X-API-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection(*self._address)

    async def ask(self) -> int:
        """The status it was answered with."""
        self._writer.write(self._request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await self._reader.readexactly(length)
        return int(head[9:12])

    def close(self) -> None:
        self._writer.close()


async def idle_latency(url: str, key: str) -> list[float]:
    """Milliseconds, request to answer, one at a time with pauses."""
    client = Client(url, key)
    await client.open()
    taken = []
    for _ in range(IDLE_SAMPLES):
        await asyncio.sleep(IDLE_GAP_S)
        started = time.perf_counter()
        status = await client.ask()
        taken.append((time.perf_counter() - started) * 1000)
        assert status == 201, status
    client.close()
    return taken


async def busy_rate(stack: StackUnderTest, key: str) -> tuple[float, float]:
    """Rooms a second over sixteen connections, and the CPU of one in microseconds."""
    clients = [Client(stack.url, key) for _ in range(CONNECTIONS)]
    for client in clients:
        await client.open()
    pids = [stack.pid("api"), stack.pid("worker-commands")]
    made = 0
    ends_at = time.perf_counter() + BUSY_S

    async def work(client: Client) -> None:
        nonlocal made
        while time.perf_counter() < ends_at:
            status = await client.ask()
            assert status == 201, status
            made += 1

    cpu, started = sum(map(cpu_ns, pids)), time.perf_counter()
    await asyncio.gather(*map(work, clients))
    rate = made / (time.perf_counter() - started)
    per_command = (sum(map(cpu_ns, pids)) - cpu) / 1000 / made
    for client in clients:
        client.close()
    return rate, per_command


def bare_rate(address: str, tenant: str) -> float:
    """Commands' rows a second by psycopg alone: a room and an outcome in one transaction."""
    counts = [0] * THREADS
    ends_at = time.perf_counter() + BUSY_S / 2

    def write(index: int) -> None:
        with psycopg.connect(address) as connection:
            while time.perf_counter() < ends_at:
                now, room = datetime.now(UTC), uuid4()
                connection.execute(
                    "INSERT INTO rooms (id, tenant_id, name, config, meta, state, epoch, seq,"
                    " version, created_at, updated_at)"
                    " VALUES (%s, %s, 'bench', '{}', '{}', 'live', 0, 0, 1, %s, %s)",
                    (room, tenant, now, now),
                )
                connection.execute(
                    "INSERT INTO command_outcomes (command_id, kind, reply, created_at)"
                    " VALUES (%s, 'room.create', '{}', %s)",
                    (uuid4(), now),
                )
                connection.commit()
                counts[index] += 1

    threads = [threading.Thread(target=write, args=(index,)) for index in range(THREADS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - started)


async def bench() -> None:
    postgres = PostgresServer(durable=True).start()
    try:
        postgres.run("CREATE DATABASE bench")
        url = postgres.url("bench")
        with (
            tempfile.TemporaryDirectory() as scratch,
            running_stack(
                Path(scratch) / "home", PARLEY_DATABASE_URL=url, PARLEY_RATE_LIMIT_PER_MINUTE="0"
            ) as stack,
        ):
            tenant = stack.tenant(max_concurrent_rooms=1_000_000)
            idle = sorted(await idle_latency(stack.url, tenant.key))
            rates, limits, costs = [], [], []
            for _ in range(ROUNDS):
                rate, cost = await busy_rate(stack, tenant.key)
                rates.append(rate)
                costs.append(cost)
                address = url.replace("postgresql+psycopg", "postgresql")
                limits.append(await asyncio.to_thread(bare_rate, address, tenant.id))
    finally:
        postgres.close()
    p50, p99 = idle[len(idle) // 2], idle[int(len(idle) * 0.99)]
    print(f"  idle, POST /api/v1/rooms: p50 {p50:.1f} ms, p99 {p99:.1f} ms (goals: 8, 40)")
    each = " ".join(f"{rate:.0f}" for rate in rates)
    print(f"  busy, {CONNECTIONS} connections: {each} rooms/s (goal: 500)")
    print(f"  CPU of a command, API and worker: median {statistics.median(costs):.0f} us")
    ratios = [rate / limit for rate, limit in zip(rates, limits, strict=True)]
    print(
        f"  ratio to the driver alone ({statistics.median(limits):.0f}/s): "
        f"median {statistics.median(ratios):.2f}"
    )
