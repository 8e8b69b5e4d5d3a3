"""Meetings read over HTTP: requests a second beside a bare route, and where the time goes.

All on one server's terms: uvicorn, uvloop, one process, in turn, asked by `wrk` over 32 connections
about 100 rooms of one tenant. `chalk` and `kcs` are the API as deployed, with tokens checked,
requests counted in Redis and Postgres behind. `bare` is a Starlette route that answers a constant.
`orm` is the Chalk route with the room read by a SQLModel session, as handlers are commonly written.
The other rungs are the API with one more step each: their differences say where the time goes.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from infra.cli.embedded import free_port
from tests.bench.forwarding import cpu_ns
from tests.support.servers import PostgresServer, RedisServer
from tests.support.stack import StackUnderTest, running_stack, until

ROOMS = 100
CONNECTIONS = 32
SECONDS = 3
ROUNDS = 3
GOAL = 0.15
GOAL_OVER_ORM = 2.0


@dataclass
class Rung:
    name: str
    what: str
    url: str
    ids: list[str] = field(default_factory=list)
    "What is put after the URL, in turn."
    pid: int = 0
    rates: list[float] = field(default_factory=list)
    "Requests a second, by round."
    costs: list[float] = field(default_factory=list)
    "CPU of the process that answers, microseconds a request."

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    @property
    def cost(self) -> float:
        return statistics.median(self.costs)

    def measure(self, scratch: Path, token: str) -> None:
        before = cpu_ns(self.pid)
        asked = _wrk(scratch, self.url, self.ids, token)
        self.rates.append(asked / SECONDS)
        self.costs.append((cpu_ns(self.pid) - before) / 1000 / asked)


def _wrk(scratch: Path, url: str, ids: list[str], token: str) -> int:
    """Requests answered. Raises RuntimeError when one of them was not answered 200."""
    path = re.sub(r"^http://[^/]+", "", url)
    listed = ", ".join(f'"{each}"' for each in ids or [""])
    script = scratch / "ask.lua"
    script.write_text(
        f"local ids, n = {{{listed}}}, 0\n"
        "request = function() n = n + 1\n"
        f'  return wrk.format("GET", "{path}" .. ids[n % #ids + 1]) end\n'
        "done = function(summary) print('asked', summary.requests, summary.errors.status) end\n"
    )
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-s", str(script)]
    command += ["-H", f"Authorization: Bearer {token}", url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"asked\s+(\d+)\s+(\d+)", said)
    if found is None or int(found[2]):
        raise RuntimeError(f"{url}: {said}")
    return int(found[1])


@contextmanager
def ladder(env: dict[str, str], stack: StackUnderTest) -> Iterator[tuple[str, int]]:
    """Its address and process."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.ladder", str(port)], env=env)
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        return process.poll() is None and _up(stack, f"{url}/bare")

    try:
        until(answers, "the ladder")
        yield url, process.pid
    finally:
        process.terminate()
        process.wait()


def _up(stack: StackUnderTest, url: str) -> bool:
    try:
        return stack.http.get(url).status_code == 200
    except httpx2.TransportError:
        return False


async def bench() -> None:
    postgres, redis = PostgresServer(durable=True).start(), RedisServer().start()
    try:
        postgres.run("CREATE DATABASE bench")
        with tempfile.TemporaryDirectory() as scratch:
            _bench(Path(scratch), postgres.url("bench"), redis.url)
    finally:
        redis.close()
        postgres.close()


def _bench(scratch: Path, database: str, redis: str) -> None:
    env = {
        "PARLEY_DATABASE_URL": database,
        "PARLEY_REDIS_URL": redis,
        "PARLEY_RATE_LIMIT_SCALE": "1000000",
    }
    home = scratch / "home"
    with running_stack(home, **env) as stack:
        tenant = stack.tenant(max_concurrent_rooms=10_000)
        user = {"api_key": tenant.key, "user_id": "ann", "role": "teacher"}
        token = tenant.post("/auth/token", user)["access_token"]
        rooms = [tenant.post("/rooms", {"name": f"R{n}"})["id"] for n in range(ROOMS)]
        meetings = [_meeting(stack, token, n) for n in range(ROOMS)]
        with ladder({**os.environ, **env, "PARLEY_HOME": str(home)}, stack) as (url, pid):
            api = stack.pid("api")
            chalk, kcs = f"{stack.url}/api/v1/rooms/", f"{stack.url}/api/meeting/"
            found = [
                Rung("bare", "a constant, from a Starlette route", f"{url}/bare", pid=pid),
                Rung("edge", "+ request id, address, metrics", f"{url}/free/edge", pid=pid),
                Rung("operation", "+ a dialect's routing", f"{url}/free/ladder/open", pid=pid),
                Rung("known", "+ the token and its tenant", f"{url}/free/ladder/known", pid=pid),
                Rung("counted", "+ the rate limit in Redis", f"{url}/ladder/known", pid=pid),
                Rung("chalk", "GET /api/v1/rooms/{id}", chalk, rooms, api),
                Rung("kcs", "GET /api/meeting/{id}", kcs, meetings, api),
                Rung("orm", "as chalk, by the ORM", f"{url}/ladder/orm/", rooms, pid),
            ]
            for _ in range(ROUNDS):
                for rung in found:
                    rung.measure(scratch, token)
    _print({rung.name: rung for rung in found})


def _meeting(stack: StackUnderTest, token: str, n: int) -> str:
    body = {
        "meeting_name": f"M{n}",
        "meeting_description": "measured",
        "meeting_start_time": "2031-05-01T12:00:00Z",
        "meeting_end_time": "2031-05-01T13:00:00Z",
        "meeting_location": "here",
        "participants": ["ben", "cleo"],
        "meeting_meta_data": {},
        "meeting_type": "instant",
    }
    answer = stack.http.post(
        "/api/meeting", json=body, headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["data"]["id"])


def _print(rungs: dict[str, Rung]) -> None:
    bare = rungs["bare"]
    print("  rung        requests/s  of bare   CPU us")
    for rung in rungs.values():
        ratio = statistics.median(
            one / other for one, other in zip(rung.rates, bare.rates, strict=True)
        )
        print(f"  {rung.name:10} {rung.rate:11.0f} {ratio:8.2f} {rung.cost:8.0f}   {rung.what}")
    for name in ("chalk", "kcs"):
        over_bare = _ratio(rungs[name], bare)
        over_orm = _ratio(rungs[name], rungs["orm"])
        print(
            f"  {name}: {over_bare:.2f} of bare (goal {GOAL}), "
            f"{over_orm:.1f} times the ORM's (goal {GOAL_OVER_ORM:g})"
        )


def _ratio(one: Rung, other: Rung) -> float:
    return statistics.median(a / b for a, b in zip(one.rates, other.rates, strict=True))
