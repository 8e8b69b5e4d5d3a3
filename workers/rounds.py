"""The periodic functions, run in one worker at a time.

Who runs them is a lease in Redis, renewed every second. It is not a fence: when it is lost to a
pause or to an emptied Redis two workers run for a moment, which the functions must bear, and do,
since each acts on rows it locks. A lease in the database would be no safer, and cost a commit a
second on SQLite.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import redis
import structlog
from redis.exceptions import NoScriptError

from infra.bus import keys
from workers.owners import Periodic
from workers.tools import Tools

LEASE_MS = 5000
"How long the others wait for a silent one. A stopping one gives up its lease at once."
RENEW_S = 1.0
_TICK_S = 0.1

_HOLD = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_LET_GO = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end"

log = structlog.get_logger(__name__)


class Rounds:
    """A thread that holds or waits for the lease, and while it holds it runs what is due."""

    def __init__(self, tools: Tools, name: str, functions: Sequence[Periodic]) -> None:
        self._tools = tools
        self._name = name
        self._functions = functions
        self._due = {function.name: 0.0 for function in functions}
        self._running: dict[str, Future[None]] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rounds", daemon=True)
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="round")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when nothing runs any more and another worker may take over."""
        self._over.set()
        self._thread.join()
        self._pool.shutdown()
        try:
            self._tools.redis.eval(_LET_GO, 1, keys.PERIODIC, self._name)
        except redis.RedisError as broken:
            log.warning("the rounds' lease runs out by itself", error=str(broken))

    def _run(self) -> None:
        held_until = renew_at = 0.0
        while not self._over.wait(_TICK_S):
            now = time.monotonic()
            if now >= renew_at:
                # Counted from before the call: the lease began some time during it.
                renew_at = now + RENEW_S
                if self._holds():
                    held_until = now + LEASE_MS / 1000
                elif held_until:
                    log.info("another worker runs the rounds")
                    held_until = 0.0
            if now < held_until:
                self._start_due(now)

    def _holds(self) -> bool:
        client = self._tools.redis
        sha = hashlib.sha1(_HOLD.encode(), usedforsecurity=False).hexdigest()
        try:
            try:
                answer = client.evalsha(sha, 1, keys.PERIODIC, self._name, str(LEASE_MS))
            except NoScriptError:
                answer = client.eval(_HOLD, 1, keys.PERIODIC, self._name, str(LEASE_MS))
        except redis.RedisError as broken:
            log.warning("the rounds' lease cannot be renewed", error=str(broken))
            return False
        return bool(answer)

    def _start_due(self, now: float) -> None:
        for function in self._functions:
            running = self._running.get(function.name)
            if now < self._due[function.name] or (running and not running.done()):
                continue
            self._due[function.name] = now + function.seconds
            self._running[function.name] = self._pool.submit(self._one, function)

    def _one(self, function: Periodic) -> None:
        try:
            function.run(self._tools)
        except redis.RedisError as broken:
            log.warning("a round could not reach Redis", function=function.name, error=str(broken))
        except Exception:
            log.exception("a round broke", function=function.name)
