"""`local_stack.yml`: every service of ours, by its own command, together carry a meeting."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from infra.cli.embedded import free_port
from infra.cli.peer import DrawnCamera, Peer, SpeechTrack
from tests.support.stack import until

pytestmark = pytest.mark.story

COMPOSE = yaml.safe_load(Path("local_stack.yml").read_text())
OURS = {n: s for n, s in COMPOSE["services"].items() if s.get("image") == "parley"}
API_REPLICAS = COMPOSE["services"]["api"]["deploy"]["replicas"]
SPEECH = Path("infra/demo/speech")
WORDS = {"hello", "bob", "welcome", "please", "share", "screen", "now", "budget", "nine"}


@pytest.fixture
def replicas(
    tmp_path: Path, postgres_url: str, redis_url: str, s3_settings: dict[str, str]
) -> Iterator[list[str]]:
    """The services of the file as plain processes; the addresses of its API replicas."""
    addresses = {
        "PARLEY_DATABASE_URL": postgres_url,
        "PARLEY_REDIS_URL": redis_url,
        "PARLEY_S3_ENDPOINT": s3_settings["PARLEY_S3_ENDPOINT"],
        "PARLEY_S3_PUBLIC_ENDPOINT": s3_settings["PARLEY_S3_ENDPOINT"],
        "PARLEY_S3_BUCKET": s3_settings["PARLEY_S3_BUCKET"],
        "PARLEY_HOME": str(tmp_path / "home"),
    }
    with ExitStack() as exits:
        urls = []
        for name, service in OURS.items():
            env = {**os.environ, **environment(service), **addresses}
            if "PARLEY_SPOOL" in env:
                env["PARLEY_SPOOL"] = str(tmp_path / "spool")
            if name == "media":
                # A container has one address; this machine has several, and answers must come
                # from the announced one.
                env["PARLEY_MEDIA_HOST"] = env["PARLEY_MEDIA_ANNOUNCED_IP"]
                env["PARLEY_MEDIA_PORT"] = str(free_port())
            words = [sys.executable, "-m", "infra.cli", *service["command"]]
            if name == "migrate":
                subprocess.run(words, env=env, check=True, timeout=60)
                continue
            for _ in range(API_REPLICAS if name == "api" else 1):
                if name == "api":
                    env["PARLEY_PORT"] = str(free_port())
                    urls.append(f"http://127.0.0.1:{env['PARLEY_PORT']}")
                log = exits.enter_context((tmp_path / f"{name}.log").open("ab"))
                process = subprocess.Popen(words, env=env, stdout=log, stderr=log)
                exits.callback(end, process)
        until(lambda: all(healthy(url) for url in urls), "every replica healthy", 60)
        yield urls


async def test_every_service_of_the_file_carries_a_meeting(replicas: list[str]) -> None:
    first, second = replicas
    operator = {"X-API-Key": operator_key()}
    async with (
        httpx2.AsyncClient(base_url=first, timeout=15, trust_env=False) as http,
        httpx2.AsyncClient(base_url=second, timeout=15, trust_env=False) as other,
    ):
        made = await http.post("/api/v1/tenants", json={"name": "Compose"}, headers=operator)
        key = made.json()["api_key"]
        http.headers["X-API-Key"] = other.headers["X-API-Key"] = key
        room = (await http.post("/api/v1/rooms", json={"name": "Stacked"})).json()["id"]
        recording = (await other.post(f"/api/v1/rooms/{room}/recordings/start")).json()["id"]
        alice, bob = Peer(http, key, room, "alice"), Peer(other, key, room, "bob")
        speech = SpeechTrack(SPEECH / "alice.ogg")

        await alice.publish(speech, DrawnCamera(90))
        await bob.listen(audio=1, video=1)
        await asyncio.sleep(12)
        await alice.close()
        await bob.close()
        await other.post(f"/api/v1/rooms/{room}/end")

        assert bob.frames_seen > 50
        assert bob.heard_s > 2
        transcript = await finished(http, f"/api/v1/recordings/{recording}/transcript")
        turns = transcript["transcript_json"]["segments"]
        assert {turn["speaker"] for turn in turns} == {"alice"}
        assert len({w for t in turns for w in t["text"].split()} & WORDS) >= 3
        link = (await other.get(f"/api/v1/recordings/{recording}/download")).json()["download_url"]
        assert (await http.get(link)).headers["content-type"] == "video/mp4"


def environment(service: dict[str, Any]) -> dict[str, str]:
    """Its environment as compose would give it on a machine with no `.env`, but for a key."""
    found = {}
    for name, value in service["environment"].items():
        found[name] = re.sub(r"\$\{(\w+)(?::-([^}]*))?\}", lambda m: m[2] or "", str(value))
    return {**found, "PARLEY_OPERATOR_KEY": operator_key()}


def operator_key() -> str:
    return "operator_for_the_compose_test"


def healthy(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/healthz", trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(20)


async def finished(http: httpx2.AsyncClient, path: str) -> Any:
    for _ in range(300):
        answer = await http.get(path)
        if answer.status_code == 200 and answer.json()["status"] == "completed":
            return answer.json()
        await asyncio.sleep(0.3)
    raise AssertionError(f"{path}: {answer.status_code} {answer.text}")
