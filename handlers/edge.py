"""What happens to every request before and after any dialect sees it."""

from __future__ import annotations

import functools
import ipaddress
import re
import time

import structlog
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from handlers.origins import READABLE
from infra.contract.ids import new_id
from infra.telemetry.metrics import HTTP_REQUESTS, HTTP_SECONDS

log = structlog.get_logger(__name__)

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
"A caller's own request id is taken over when it looks like one."

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Edge:
    """Names requests, finds out where they come from, and counts and logs how they ended.

    Everything on a connection's `state`: `context`, `request_id`, `address` and `headers`, a dict
    whose headers go out with the answer.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        here = scope["app"].state.context
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else str(new_id())
        extra = dict(READABLE) if "origin" in headers else {}
        scope["state"] = {
            **scope.get("state", {}),
            "context": here,
            "request_id": request_id,
            "address": address(scope, headers, networks(here.settings.trusted_proxies)),
            "headers": extra,
        }
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
                said = MutableHeaders(scope=message)
                said["X-Request-Id"] = request_id
                said.setdefault("X-Content-Type-Options", "nosniff")
                said.setdefault("Referrer-Policy", "no-referrer")
                for name, value in extra.items():
                    said[name] = value
            await send(message)

        began = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, answer)
            except ClientDisconnect:
                log.debug("client went away", path=scope["path"])
            except Exception:
                log.exception("request broke", method=scope.get("method"), route=_route(scope))
                if not status:
                    # Answered further out, and counted here.
                    status = 500
                    raise
            finally:
                if scope["type"] == "http" and status:
                    method = scope["method"] if scope["method"] in METHODS else "other"
                    requests, seconds = _meters(method, _route(scope), status)
                    requests.inc()
                    seconds.observe(time.perf_counter() - began)


@functools.cache
def _meters(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """Looked up once: there are few of them."""
    return HTTP_REQUESTS.labels(method, route, status), HTTP_SECONDS.labels(method, route)


def _route(scope: Scope) -> str:
    """The matched route's pattern: few of them, and no ids in them."""
    path = getattr(scope.get("route"), "path", None)
    return "none" if path is None else f"{scope.get('root_path', '')}{path}"


_parsed: dict[str, tuple[Network, ...]] = {}


def networks(listed: str) -> tuple[Network, ...]:
    """Networks out of a comma-separated list. Raises ValueError for what is none."""
    if listed not in _parsed:
        _parsed[listed] = tuple(
            ipaddress.ip_network(part.strip(), strict=False)
            for part in listed.split(",")
            if part.strip()
        )
    return _parsed[listed]


def address(scope: Scope, headers: Headers, trusted: tuple[Network, ...]) -> str | None:
    """Where the request comes from: the last address that no proxy of ours vouches for.

    `X-Forwarded-For` counts only as far as trusted proxies wrote it, read from its end.
    """
    client = scope.get("client")
    found = str(client[0]) if client else None
    forwarded = headers.getlist("x-forwarded-for")
    hops = ",".join(forwarded).split(",") if forwarded else []
    while found is not None and hops and _is_in(found, trusted):
        hop = hops.pop().strip()
        if _parse(hop) is None:
            break
        found = hop
    return found


def _parse(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


@functools.lru_cache(maxsize=1024)
def _is_in(text: str, trusted: tuple[Network, ...]) -> bool:
    parsed = _parse(text)
    return parsed is not None and any(parsed in network for network in trusted)
