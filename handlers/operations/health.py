"""Which of the parts a deployment needs answer now."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from handlers.context import Context
from infra.bus.keys import COMMANDS, RECORDINGS, TRANSCRIPTS, WEBHOOKS, uploads
from infra.contract.refusals import Refused
from infra.storage.port import StoreUnavailable

ANSWER_S = 2.0
"Seconds a part has to answer."

Part = dict[str, Any]


class Failed(Exception):
    """A part is not as it should be; the words say how."""


async def check(here: Context) -> tuple[bool, dict[str, Any]]:
    """Whether every part answers, and what each said. Asks them all at once."""
    checks = {
        "database": _database,
        "redis": _redis,
        "storage": _storage,
        "workers": _workers,
        "media": _media,
    }
    found = await asyncio.gather(*(_answer(here, part) for part in checks.values()))
    parts = dict(zip(checks, found, strict=True))
    well = all(part["status"] == "ok" for part in parts.values())
    return well, {
        "status": "ok" if well else "unavailable",
        "api": {"pid": os.getpid()},
        "parts": parts,
        "media": {
            "pids": parts["media"].get("pids", []),
            "engine": parts["media"].get("engine"),
        },
    }


async def _answer(here: Context, part: Callable[[Context], Awaitable[Part]]) -> Part:
    began = time.perf_counter()
    try:
        async with asyncio.timeout(ANSWER_S):
            said = await part(here)
    except TimeoutError:
        return {"status": "failed", "detail": f"no answer within {ANSWER_S:g} s"}
    except Refused as refused:
        return {"status": "failed", "detail": refused.refusal.detail or "does not answer"}
    except (Failed, StoreUnavailable) as failed:
        return {"status": "failed", "detail": str(failed)}
    return {"status": "ok", "ms": round((time.perf_counter() - began) * 1000, 1), **said}


async def _database(here: Context) -> Part:
    try:
        return {"kind": await here.reader.read(_kind)}
    except DBAPIError as refused:
        raise Failed("it does not have our tables: `parley migrate` makes them") from refused


def _kind(connection: Connection) -> str:
    # A table of ours, so that a database nobody has migrated does not pass.
    connection.execute(text("SELECT 1 FROM tenants LIMIT 1"))
    return connection.dialect.name


async def _redis(here: Context) -> Part:
    await here.live.ping()
    return {"rate_limit": "blind" if here.limit.is_blind else "counting"}


async def _storage(here: Context) -> Part:
    await asyncio.to_thread(here.store.check)
    return {"kind": here.store.provider}


async def _workers(here: Context) -> Part:
    consumed = await here.live.workers()
    # What a pod records is uploaded by the worker beside its spool.
    needed = {COMMANDS, RECORDINGS, TRANSCRIPTS, WEBHOOKS} | {
        uploads(pod.spool_id) for pod in await here.live.pods()
    }
    if missing := sorted(needed - consumed.keys()):
        raise Failed(f"no worker for {', '.join(missing)}")
    return {"queues": {queue: sorted(pids) for queue, pids in sorted(consumed.items())}}


async def _media(here: Context) -> Part:
    pods = await here.live.pods()
    if not any(not pod.draining for pod in pods):
        raise Failed("no media pod has reported")
    return {
        "pids": sorted(pod.pid for pod in pods),
        "engine": "/".join(sorted({pod.engine for pod in pods})),
        "rooms": sum(pod.rooms for pod in pods),
        "connections": sum(pod.connections for pod in pods),
        "addresses": sorted(pod.media_address for pod in pods),
    }
