"""Requests to addresses that tenants name: never to ourselves, never into a private network.

A name is looked up once, every address it has is checked, and the connection goes to a checked
address while `Host`, SNI and the certificate keep the name: a name server that answers differently
the second time is not asked a second time. Nothing is followed, no proxy is used, and neither
a long answer nor a slow one holds anybody up.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import httpcore2
import httpx2

from infra.addresses import NAME, Address, Network, Target, is_public, literal, parse
from infra.addresses import Unsafe as Unsafe

READ_LIMIT: Final = 65_536
"Bytes of an answer's body that are read."
DEADLINE_S: Final = 10.0
"Seconds from looking the name up to the last byte read."
PORTS: Final = frozenset({443, 8443})
"Where https is asked; any other port must be allowed."
ATTEMPT_S: Final = 3.0
"Seconds one address of several may take to connect."
ATTEMPTS: Final = 4
"Addresses of one name that are tried."

Resolve = Callable[[str, int], Sequence[str]]
"Every address of a host name. Raises OSError when it has none."

_NAMES = ThreadPoolExecutor(4, thread_name_prefix="names")
"Looks names up: a name server that hangs keeps nobody else's threads."


class Unreachable(Exception):
    """Nothing answered there in time, or what answered did not speak HTTP or prove its name."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    "Names in lower case."
    body: bytes
    "As it came: we accept no encodings."
    complete: bool
    "False: there was more of the body than was read."


def addresses_of(host: str, port: int) -> Sequence[str]:
    """What the system's resolver says, in its order."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Outbound:
    """Asks servers that tenants name. Keeps no connection and no cookie between two requests."""

    def __init__(
        self,
        allowed: str | None = None,
        *,
        ports: Collection[int] = PORTS,
        resolve: Resolve = addresses_of,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`ports`: where https is asked. `allowed`: host names, addresses and networks,
        comma-separated, that may be asked although they are private, on any port and over plain
        http too.

        Raises ValueError for an entry that is none of these.
        """
        self._networks: list[Network] = []
        self._names: set[str] = set()
        for entry in (part.strip().lower() for part in (allowed or "").split(",")):
            if not entry:
                continue
            try:
                self._networks.append(ipaddress.ip_network(entry, strict=False))
            except ValueError:
                if not NAME.fullmatch(entry):
                    raise ValueError(f"{entry} is no host, address or network") from None
                self._names.add(entry)
        self._ports = ports
        self._resolve = resolve
        self._given_tls = tls

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return self._given_tls or httpx2.create_ssl_context()

    def check(self, url: str) -> Target:
        """What can be said of a URL without looking its name up. Raises `Unsafe`."""
        target = parse(url)
        address = literal(target.host)
        if address is not None:
            self._check([address], target)
        elif not self._networks and target.host not in self._names:
            self._check_port(target)
        return target

    async def fetch(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        deadline_s: float = DEADLINE_S,
        limit: int = READ_LIMIT,
    ) -> Answer:
        """The answer, whatever its status: a redirect is an answer too.

        `limit`: bytes of the body. Raises `Unsafe`, `Unreachable`.
        """
        target = self.check(url)
        try:
            async with asyncio.timeout(deadline_s):
                looked_up = _NAMES.submit(self._resolve, target.host, target.port)
                addresses = self._checked(await asyncio.wrap_future(looked_up), target)
                async with (
                    httpcore2.AsyncConnectionPool(
                        ssl_context=self._tls, network_backend=_PinnedAsync(addresses)
                    ) as pool,
                    pool.stream(
                        method, target.url, headers=_sent(target, headers, content), content=content
                    ) as answer,
                ):
                    body, complete = bytearray(), True
                    async for chunk in answer.aiter_stream():
                        body += chunk
                        if len(body) > limit:
                            complete = False
                            break
                    return _answer(answer, body, complete, limit)
        except TimeoutError as late:
            raise Unreachable("it took too long") from late
        except _FAILURES as broken:
            raise Unreachable(_why(broken)) from broken

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        deadline_s: float = DEADLINE_S,
        limit: int = READ_LIMIT,
    ) -> Answer:
        """`fetch`, for threads."""
        target = self.check(url)
        until = time.monotonic() + deadline_s
        try:
            looked_up = _NAMES.submit(self._resolve, target.host, target.port)
            addresses = self._checked(looked_up.result(_left(until)), target)
            with (
                httpcore2.ConnectionPool(
                    ssl_context=self._tls, network_backend=_Pinned(addresses, until)
                ) as pool,
                pool.stream(
                    method, target.url, headers=_sent(target, headers, content), content=content
                ) as answer,
            ):
                body, complete = bytearray(), True
                for chunk in answer.iter_stream():
                    body += chunk
                    if len(body) > limit:
                        complete = False
                        break
                return _answer(answer, body, complete, limit)
        except TimeoutError as late:
            raise Unreachable("it took too long") from late
        except _FAILURES as broken:
            raise Unreachable(_why(broken)) from broken

    def _checked(self, found: Sequence[str], target: Target) -> Sequence[str]:
        addresses = [literal(text) for text in found]
        if not addresses:
            raise Unreachable("the name has no address")
        self._check(addresses, target)
        return found[:ATTEMPTS]

    def _check(self, addresses: Iterable[Address | None], target: Target) -> None:
        """Raises `Unsafe` unless each of them may be asked."""
        listed = target.host in self._names
        for address in addresses:
            if address is None:
                raise Unsafe("an address that cannot be read")
            known = listed or any(
                address in network
                for network in self._networks
                if network.version == address.version
            )
            if known:
                continue
            if not is_public(address):
                raise Unsafe("not a public address")
            self._check_port(target)

    def _check_port(self, target: Target) -> None:
        if target.scheme != "https":
            raise Unsafe("only https is possible")
        if target.port not in self._ports:
            raise Unsafe(f"only ports {', '.join(map(str, sorted(self._ports)))} are possible")


_FAILURES = (
    OSError,
    ssl.SSLError,
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.TimeoutException,
    UnicodeError,
)


def _why(broken: BaseException) -> str:
    """For who named the address: the kind of failure, not the words of some library."""
    match broken:
        case socket.gaierror() | UnicodeError():
            return "the name cannot be looked up"
        case httpcore2.TimeoutException():
            return "it took too long"
        case httpcore2.ConnectError() | ssl.SSLError():
            return "no connection could be made"
        case httpcore2.ProtocolError():
            return "it does not speak HTTP"
        case _:
            return "the connection broke"


def _sent(
    target: Target, headers: Mapping[str, str] | None, content: bytes | None
) -> list[tuple[str, str]]:
    sent = [("Host", target.authority), ("Accept-Encoding", "identity"), ("Connection", "close")]
    if content is not None:
        sent.append(("Content-Length", str(len(content))))
    return [*sent, *(headers or {}).items()]


def _answer(answer: httpcore2.Response, body: bytearray, complete: bool, limit: int) -> Answer:
    return Answer(
        status=answer.status,
        headers={
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in answer.headers
        },
        body=bytes(body[:limit]),
        complete=complete,
    )


def _left(until: float) -> float:
    """Seconds. Raises TimeoutError when there are none."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _PinnedAsync(httpcore2.AsyncNetworkBackend):
    """Connects to the given addresses, whatever host it is asked for. No deadline of its own."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = addresses
        self._real = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *args: Any, **more: Any
    ) -> httpcore2.AsyncNetworkStream:
        for address in self._addresses[:-1]:
            try:
                return await self._real.connect_tcp(address, port, ATTEMPT_S, *args, **more)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._real.connect_tcp(self._addresses[-1], port, timeout, *args, **more)


class _Pinned(httpcore2.NetworkBackend):
    """Connects to the given addresses, and lets nothing take longer than until `until`."""

    def __init__(self, addresses: Sequence[str], until: float) -> None:
        self._addresses = addresses
        self._until = until
        self._real = httpcore2.SyncBackend()

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *args: Any, **more: Any
    ) -> httpcore2.NetworkStream:
        for address in self._addresses[:-1]:
            try:
                within = min(ATTEMPT_S, _left(self._until))
                stream = self._real.connect_tcp(address, port, within, *args, **more)
                return _Hurried(stream, self._until)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        within = _left(self._until)
        stream = self._real.connect_tcp(self._addresses[-1], port, within, *args, **more)
        return _Hurried(stream, self._until)


class _Hurried(httpcore2.NetworkStream):
    def __init__(self, real: httpcore2.NetworkStream, until: float) -> None:
        self._real = real
        self._until = until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._real.read(max_bytes, _left(self._until))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._real.write(buffer, _left(self._until))

    def close(self) -> None:
        self._real.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        secured = self._real.start_tls(ssl_context, server_hostname, _left(self._until))
        return _Hurried(secured, self._until)

    def get_extra_info(self, info: str) -> Any:
        return self._real.get_extra_info(info)
