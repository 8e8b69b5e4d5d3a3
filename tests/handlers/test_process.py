"""`python -m handlers` as supervisors see it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.support.servers import RedisServer, free_port

START_S = 60.0


def start(home: Path, **env: str) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
    return subprocess.Popen(
        [sys.executable, "-m", "handlers"],
        env={**kept, "PARLEY_HOME": str(home), **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def process(
    tmp_path: Path, sqlite_url: str, own_redis: RedisServer
) -> Iterator[tuple[subprocess.Popen[str], httpx2.Client]]:
    port = free_port()
    settings = {
        "PARLEY_PORT": str(port),
        "PARLEY_REDIS_URL": own_redis.url,
        "PARLEY_DATABASE_URL": sqlite_url,
    }
    process = start(tmp_path, **settings)
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=10) as http:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and process.poll() is None:
            try:
                http.get("/livez")
                break
            except httpx2.TransportError:
                time.sleep(0.1)
        yield process, http
    process.kill()
    process.communicate()


def test_a_process_answers_through_an_outage_and_ends_when_told(
    process: tuple[subprocess.Popen[str], httpx2.Client], own_redis: RedisServer, tmp_path: Path
) -> None:
    running, http = process
    operator = {"X-API-Key": (tmp_path / "keys" / "operator").read_text().strip()}
    own_redis.kill()

    began = time.monotonic()
    refused = http.post("/api/v1/tenants", json={"name": "Acme"}, headers=operator)
    took = time.monotonic() - began
    health = http.get("/healthz")
    running.terminate()
    _, log = running.communicate(timeout=20)

    assert refused.status_code == 503
    assert refused.json()["code"] == "UNAVAILABLE"
    assert int(refused.headers["retry-after"]) >= 1
    assert took < 3
    assert health.status_code == 503
    assert health.json()["parts"]["database"]["status"] == "ok"
    assert health.json()["parts"]["redis"]["status"] == "failed"
    assert running.returncode == 0
    assert refused.headers["x-request-id"] in log
    assert operator["X-API-Key"] not in log


def test_without_a_redis_a_process_says_so_in_one_line(tmp_path: Path) -> None:
    process = start(tmp_path)

    _, said = process.communicate(timeout=START_S)

    assert process.returncode == 1
    assert len(said.splitlines()) == 1
    assert "PARLEY_REDIS_URL" in said
