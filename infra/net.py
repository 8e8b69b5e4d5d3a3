"""Requests to addresses that tenants name: never to ourselves, never into a private network.

A name is looked up once, every address it has is checked, and the connection goes to a checked
address while `Host`, SNI and the certificate keep the name: a name server that answers differently
the second time is not asked a second time. Nothing is followed, no proxy is used, and neither
a long answer nor a slow one holds anybody up.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlsplit

import httpcore2
import httpx2

READ_LIMIT: Final = 65_536
"Bytes of an answer's body that are read."
DEADLINE_S: Final = 10.0
"Seconds from looking the name up to the last byte read."
URL_LIMIT: Final = 2048
PORTS: Final = frozenset({443, 8443})
"Where https is asked; any other port must be allowed."
ATTEMPT_S: Final = 3.0
"Seconds one address of several may take to connect."
ATTEMPTS: Final = 4
"Addresses of one name that are tried."

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Sequence[str]]
"Every address of a host name. Raises OSError when it has none."

_VISIBLE = re.compile(r"[\x21-\x7e]+")
_NAME = re.compile(r"(?=.{1,253}\Z)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_-]{1,63}")
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)")
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_NOT_PUBLIC: Final[Sequence[Network]] = [
    ipaddress.ip_network(network)
    for network in (
        # IANA's special-purpose registries (RFC 6890), also where `is_global` says otherwise.
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
        # 2001::/23 holds Teredo and ORCHID, 2002::/16 is 6to4. What maps or translates IPv4
        # otherwise (::ffff:0:0/96, 64:ff9b::/96, 64:ff9b:1::/48) is outside of 2000::/3.
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
    )
]
_ISATAP = (0x00005EFE, 0x02005EFE)
_NAMES = ThreadPoolExecutor(4, thread_name_prefix="names")
"Looks names up: a name server that hangs keeps nobody else's threads."


class Unsafe(Exception):
    """The address is none we would connect to; its words may be shown to who named it."""


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


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart, once: nothing parses it again later and reads something else."""

    scheme: str
    host: str
    "Lower case, ASCII; an address without brackets."
    port: int
    path: str
    "And query."

    @property
    def url(self) -> httpcore2.URL:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return httpcore2.URL(scheme=self.scheme, host=host, port=self.port, target=self.path)

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"https": 443, "http": 80}[self.scheme]
        return host if self.port == usual else f"{host}:{self.port}"


def parse(url: str) -> Target:
    """Raises `Unsafe` for what is no plain http or https URL."""
    # `urlsplit` drops some of what is not visible, and a server may read a backslash as a slash.
    if len(url) > URL_LIMIT or not _VISIBLE.fullmatch(url) or "\\" in url:
        raise Unsafe("not a URL of visible ASCII characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as wrong:
        raise Unsafe("not a URL") from wrong
    if parts.scheme not in ("https", "http"):
        raise Unsafe("only https is possible")
    if parts.username is not None or parts.password is not None:
        raise Unsafe("a URL with a user name in it")
    host = (parts.hostname or "").removesuffix(".")
    if parts.netloc.startswith("["):
        if _literal(host) is None:
            raise Unsafe("not an IPv6 address")
    elif not _NAME.fullmatch(host):
        raise Unsafe("not a host name")
    elif _NUMBER.fullmatch(host.rpartition(".")[2]) and _literal(host) is None:
        # 0x7f.1, 2130706433 and 0177.0.0.1 are addresses to some resolvers.
        raise Unsafe("not an IPv4 address")
    if port == 0:
        raise Unsafe("not a port")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(
        scheme=parts.scheme,
        host=host,
        port=port or {"https": 443, "http": 80}[parts.scheme],
        path=path,
    )


def is_public(address: Address) -> bool:
    """Reachable by anybody, and no other address in disguise.

    Stricter than `is_global`, which takes 64:ff9b::7f00:1 and 2002:7f00:1:: for public though they
    lead to 127.0.0.1.
    """
    if isinstance(address, ipaddress.IPv6Address):
        if address not in _GLOBAL_UNICAST or address.scope_id is not None:
            return False
        if int(address) >> 32 & 0xFFFFFFFF in _ISATAP:
            return False
    return address.is_global and not any(
        address in network for network in _NOT_PUBLIC if network.version == address.version
    )


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
                if not _NAME.fullmatch(entry):
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
        literal = _literal(target.host)
        if literal is not None:
            self._check([literal], target)
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
        addresses = [_literal(text) for text in found]
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


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


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
