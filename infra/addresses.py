"""URLs that tenants name, taken apart, and whether the addresses behind them are anybody's.

Nothing here looks a name up: `net.py` does.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpcore2

URL_LIMIT: Final = 2048
"Characters."

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_VISIBLE = re.compile(r"[\x21-\x7e]+")
NAME = re.compile(r"(?=.{1,253}\Z)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_-]{1,63}")
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


class Unsafe(Exception):
    """The address is none we would connect to; its words may be shown to who named it."""


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
        if literal(host) is None:
            raise Unsafe("not an IPv6 address")
    elif not NAME.fullmatch(host):
        raise Unsafe("not a host name")
    elif _NUMBER.fullmatch(host.rpartition(".")[2]) and literal(host) is None:
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


def literal(host: str) -> Address | None:
    """The address that a host name is; None: it is a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
