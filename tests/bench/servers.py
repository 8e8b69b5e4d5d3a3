"""The servers the load generator measures: ours by WHIP and WHEP, Janus by its HTTP API."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Protocol

import httpx2

from infra.cli.embedded import free_port
from tests.bench import sdp
from tests.bench.leg import Leg


class Server(Protocol):
    name: str
    pid: int

    async def publisher(self, ssrc: int) -> tuple[Leg, str]:
        """A connected leg and the MID it must send under."""

    async def subscriber(self) -> Leg: ...


class Parley:
    """A room of a running stack."""

    name = "parley"

    def __init__(self, http: httpx2.AsyncClient, key: str, room: str, pid: int) -> None:
        self.pid = pid
        self._http = http
        self._headers = {"Content-Type": "application/sdp", "Authorization": f"Bearer {key}"}
        self._room = room
        self._subscribers = 0

    async def publisher(self, ssrc: int) -> tuple[Leg, str]:
        leg = Leg()
        offer = sdp.write(
            await leg.gather(), setup="actpass", direction="sendonly", mid="0", ssrc=ssrc
        )
        await self._negotiate(leg, f"/whip/{self._room}?id=source", offer)
        return leg, "0"

    async def subscriber(self) -> Leg:
        leg = Leg()
        self._subscribers += 1
        offer = sdp.write(await leg.gather(), setup="actpass", direction="recvonly", mid="0")
        path = f"/whep/{self._room}?id=viewer{self._subscribers}&feeds=source"
        leg.rtx_payload_type = sdp.rtx_payload_type(await self._negotiate(leg, path, offer))
        return leg

    async def _negotiate(self, leg: Leg, path: str, offer: str) -> str:
        answer = await self._http.post(path, content=offer, headers=self._headers)
        if answer.status_code != 201:
            raise RuntimeError(f"{path}: {answer.status_code} {answer.text[:200]}")
        lite = "a=ice-lite" in answer.text
        await leg.connect(sdp.read(answer.text), lite=lite, role=sdp.role_against(answer.text))
        return answer.text


class Janus:
    """A room of Janus's VideoRoom plugin."""

    name = "janus"

    def __init__(self, http: httpx2.AsyncClient, pid: int) -> None:
        self.pid = pid
        self._http = http
        self._room = secrets.randbelow(1_000_000)
        self._session = ""
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self._feed = 0

    async def open(self) -> None:
        made = await self._say("/janus", janus="create")
        self._session = f"/janus/{made['data']['id']}"
        self._events = asyncio.create_task(self._listen())
        handle = await self._attach()
        room = {"request": "create", "room": self._room, "publishers": 4, "videocodec": "vp8"}
        await self._say(f"{self._session}/{handle}", janus="message", body=room)

    async def close(self) -> None:
        self._events.cancel()
        await asyncio.gather(self._events, return_exceptions=True)

    async def publisher(self, ssrc: int) -> tuple[Leg, str]:
        leg, handle = Leg(), await self._attach()
        joined = await self._ask(handle, {"request": "join", "ptype": "publisher"})
        self._feed = joined["plugindata"]["data"]["id"]
        offer = sdp.write(
            await leg.gather(), setup="actpass", direction="sendonly", mid="0", ssrc=ssrc
        )
        made = await self._ask(handle, {"request": "publish"}, {"type": "offer", "sdp": offer})
        answer = made["jsep"]["sdp"]
        await leg.connect(sdp.read(answer), lite=True, role=sdp.role_against(answer))
        return leg, "0"

    async def subscriber(self) -> Leg:
        leg, handle = Leg(), await self._attach()
        ends = await leg.gather()
        streams = [{"feed": self._feed}]
        made = await self._ask(
            handle, {"request": "join", "ptype": "subscriber", "streams": streams}
        )
        offer = made["jsep"]["sdp"]
        leg.rtx_payload_type = sdp.rtx_payload_type(offer)
        answer = sdp.write(ends, setup="active", direction="recvonly", mid=sdp.mid(offer))
        # Both must go on together: Janus starts once the transport is up.
        await asyncio.gather(
            self._ask(handle, {"request": "start"}, {"type": "answer", "sdp": answer}),
            leg.connect(sdp.read(offer), lite=True, role="client"),
        )
        return leg

    async def _say(self, path: str, **message: Any) -> Any:
        message.setdefault("transaction", secrets.token_hex(8))
        answer = await self._http.post(path, json=message)
        return answer.json()

    async def _attach(self) -> int:
        made = await self._say(self._session, janus="attach", plugin="janus.plugin.videoroom")
        return int(made["data"]["id"])

    async def _ask(self, handle: int, body: dict[str, Any], jsep: Any = None) -> Any:
        transaction = secrets.token_hex(8)
        answered = self._waiting[transaction] = asyncio.get_running_loop().create_future()
        message: dict[str, Any] = {"janus": "message", "body": {"room": self._room, **body}}
        if jsep:
            message["jsep"] = jsep
        await self._say(f"{self._session}/{handle}", transaction=transaction, **message)
        event = await asyncio.wait_for(answered, 20)
        if "error" in event["plugindata"]["data"]:
            raise RuntimeError(event["plugindata"]["data"]["error"])
        return event

    async def _listen(self) -> None:
        while True:
            answer = await self._http.get(f"{self._session}?maxev=10", timeout=60)
            events = answer.json()
            for event in events if isinstance(events, list) else [events]:
                waiting = self._waiting.get(event.get("transaction", ""))
                if event.get("janus") == "event" and waiting and not waiting.done():
                    waiting.set_result(event)


LOOPBACK_SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <ifaddrs.h>
#include <net/if.h>
/* Janus offers no loopback candidates; here loopback is all there is. */
int getifaddrs(struct ifaddrs **found) {
    int (*real)(struct ifaddrs **) = dlsym(RTLD_NEXT, "getifaddrs");
    int result = real(found);
    if (result == 0)
        for (struct ifaddrs *each = *found; each; each = each->ifa_next)
            each->ifa_flags &= ~IFF_LOOPBACK;
    return result;
}
"""


@contextlib.asynccontextmanager
async def janus(scratch: Path) -> AsyncIterator[Janus]:
    """Debian's Janus with one event loop, on loopback."""
    port = free_port()
    (scratch / "shim.c").write_text(LOOPBACK_SHIM)
    shim = scratch / "shim.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", shim, scratch / "shim.c", "-ldl"], check=True)
    library = next(Path("/usr/lib").glob("*/janus"))
    others = [p.name for p in (library / "plugins").glob("*.so") if "videoroom" not in p.name]
    transports = [p.name for p in (library / "transports").glob("*.so") if "http" not in p.name]
    (scratch / "janus.jcfg").write_text(
        f'general: {{ configs_folder="{scratch}"; plugins_folder="{library}/plugins"; '
        f'transports_folder="{library}/transports"; debug_level=2; session_timeout=0; '
        "event_loops=1; }\n"
        'media: { ipv6=false; rtp_port_range="30000-39999"; }\n'
        'nat: { ice_lite=true; ice_enforce_list="127.0.0.1"; full_trickle=false; }\n'
        f'plugins: {{ disable="{",".join(others)}"; }}\n'
        f'transports: {{ disable="{",".join(transports)}"; }}\n'
    )
    (scratch / "janus.transport.http.jcfg").write_text(
        f'general: {{ base_path="/janus"; http=true; port={port}; ip="127.0.0.1"; https=false; }}\n'
        "admin: { admin_http=false; }\n"
    )
    (scratch / "janus.plugin.videoroom.jcfg").write_text("general: { }\n")
    with (scratch / "janus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *("janus", "-F", str(scratch), "-C", str(scratch / "janus.jcfg")),
            env={"LD_PRELOAD": str(shim), "PATH": "/usr/bin"},
            stdout=log,
            stderr=log,
        )
    try:
        async with httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False
        ) as http:
            for _ in range(100):
                with contextlib.suppress(httpx2.TransportError):
                    await http.get("/janus/info")
                    break
                await asyncio.sleep(0.1)
            server = Janus(http, process.pid)
            await server.open()
            try:
                yield server
            finally:
                await server.close()
    finally:
        process.terminate()
        await process.wait()
