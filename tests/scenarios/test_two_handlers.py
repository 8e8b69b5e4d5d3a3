"""Two handler processes behind a round-robin, killed at random while clients write and read."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.balancer import Handlers, Killer, RoundRobin
from tests.support.servers import RedisServer
from tests.support.stack import StackUnderTest, running_stack, until

pytestmark = pytest.mark.story

CLIENTS = 4
STEPS = 25
"Things each client makes, a third in each dialect."


@pytest.fixture
def house(
    tmp_path: Path, postgres_url: str, own_redis: RedisServer
) -> Iterator[tuple[StackUnderTest, Handlers, RoundRobin]]:
    env = {
        "PARLEY_DATABASE_URL": postgres_url,
        "PARLEY_REDIS_URL": own_redis.url,
        "PARLEY_RATE_LIMIT_PER_MINUTE": "0",
        # As wherever there is more than one: links are the same whichever of them makes them.
        "PARLEY_PUBLIC_URL": "https://meet.example.org",
    }
    with running_stack(tmp_path / "home", **env) as stack:
        handlers = Handlers(2, {**env, "PARLEY_HOME": str(tmp_path / "home")})
        balancer = RoundRobin(handlers.ports)
        try:
            yield stack, handlers, balancer
        finally:
            balancer.close()
            handlers.close()


@dataclass
class Client:
    """Retries what broke under the same key, as a careful client does; writes down all it hears."""

    url: str
    key: str
    token: str
    name: str
    made: dict[str, str] = field(default_factory=dict)
    "Body of the answer, by what was made."
    wrong: list[str] = field(default_factory=list)
    broken: int = 0

    def run(self) -> None:
        chance = random.Random(self.name)
        for n in range(STEPS):
            name = f"{self.name}-{n}"
            (self._room, self._meeting, self._chroom)[n % 3](name, chance)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        """The answer, however often it takes. A new connection each time: any handler's turn."""

        def attempt() -> httpx2.Response | None:
            try:
                with httpx2.Client(base_url=self.url, timeout=10, trust_env=False) as http:
                    answer = http.request(method, path, json=body, headers=headers)
            except httpx2.TransportError:
                self.broken += 1
                return None
            return None if answer.status_code == 503 else answer

        found: httpx2.Response = until(attempt, f"{method} {path}", 60, every=0.02)
        return found

    def make(self, name: str, path: str, body: Any, chance: random.Random, **headers: str) -> Any:
        """Made once, however often it is asked for."""
        sent = {"Idempotency-Key": name, **headers}
        first = self.ask("POST", path, body, **sent)
        if first.status_code >= 300:
            self.wrong.append(f"{path} {name}: {first.status_code} {first.text}")
        self.made[name] = first.text
        if chance.random() < 0.5:
            again = self.ask("POST", path, body, **sent)
            if again.text != first.text:
                self.wrong.append(f"{name} twice: {first.text} and {again.text}")
        return first.json()

    def expect(self, right: bool, what: str) -> None:
        if not right:
            self.wrong.append(what)

    def _room(self, name: str, chance: random.Random) -> None:
        key = {"X-API-Key": self.key}
        room = self.make(name, "/api/v1/rooms", {"name": name}, chance, **key)
        path = f"/api/v1/rooms/{room['id']}"
        self.expect(self.ask("GET", path, **key).json()["name"] == name, f"{name} is called so")
        self.ask("PATCH", path, {"name": f"{name}*"}, **key)
        for _ in range(2):
            said = self.ask("GET", path, **key).json()["name"]
            self.expect(said == f"{name}*", f"{name} was renamed, and is shown as {said}")

    def _meeting(self, name: str, chance: random.Random) -> None:
        bearer = {"Authorization": f"Bearer {self.token}"}
        body = {
            "meeting_name": name,
            "meeting_description": "",
            "meeting_start_time": "2031-05-01T12:00:00Z",
            "meeting_end_time": "2031-05-01T13:00:00Z",
            "meeting_location": "here",
            "participants": ["ben"],
            "meeting_meta_data": {},
        }
        made = self.make(name, "/api/meeting", body, chance, **bearer)["data"]
        path = f"/api/meeting/{made['id']}"
        started = self.ask("POST", f"{path}/start", **bearer, **{"Idempotency-Key": f"{name}-s"})
        self.expect(started.status_code == 200, f"{name} starts: {started.text}")
        for _ in range(2):
            said = self.ask("GET", path, **bearer).json()["data"]["meeting_status"]
            self.expect(said == "live", f"{name} was started, and is shown as {said}")

    def _chroom(self, name: str, chance: random.Random) -> None:
        bearer = {"Authorization": f"Bearer {self.key}"}
        body = {"title": name, "host": "ann", "participants": ["ben"], "duration": 30}
        made = self.make(name, "/api/meetings/create", body, chance, **bearer)
        said = self.ask("GET", f"/api/meetings/{made['meeting_id']}", **bearer).json()
        self.expect(said["title"] == name, f"{name} is shown as {said}")


def test_handlers_that_die_give_no_wrong_answer_and_lose_nothing(
    house: tuple[StackUnderTest, Handlers, RoundRobin],
) -> None:
    stack, handlers, balancer = house
    tenant = stack.tenant(max_concurrent_rooms=10_000)
    wish = {"api_key": tenant.key, "user_id": "ann", "role": "teacher"}
    token = tenant.post("/auth/token", wish)["access_token"]
    url = f"http://127.0.0.1:{balancer.port}"
    clients = [Client(url, tenant.key, token, f"c{n}") for n in range(CLIENTS)]
    threads = [threading.Thread(target=client.run) for client in clients]

    killer = Killer(handlers, seed=7)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    killer.stop()

    assert [wrong for client in clients for wrong in client.wrong] == []
    assert killer.killed >= 3
    names = {name for client in clients for name in client.made}
    assert len(names) == CLIENTS * STEPS
    assert _kept(stack, token, tenant.key) == Counter(names)


def _kept(stack: StackUnderTest, token: str, key: str) -> Counter[str]:
    """How often each thing is there in the end, by the name it was made under."""
    found: Counter[str] = Counter()
    cursor = ""
    while True:
        page = stack.http.get(
            f"/api/meetings?limit=100{cursor}", headers={"Authorization": f"Bearer {key}"}
        ).json()
        found.update(item["title"].rstrip("*") for item in page["items"])
        if not page["next_cursor"]:
            return found
        cursor = f"&cursor={page['next_cursor']}"
