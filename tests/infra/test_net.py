from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from infra.addresses import is_public, parse
from infra.net import Answer, Outbound, Unreachable, Unsafe
from tests.support.certificates import certified

# fmt: off
LITERALS = [
    "127.0.0.1", "127.1", "127.255.255.254", "0.0.0.0", "0", "2130706433", "0x7f000001",
    "017700000001", "0177.0.0.1", "0x7f.0.0.1", "10.0.0.1", "10.255.255.254", "172.16.0.1",
    "172.31.255.254", "192.168.0.1", "169.254.169.254", "169.254.170.2", "100.64.0.1",
    "100.100.100.200", "192.0.0.192", "198.18.0.1", "192.88.99.1", "224.0.0.1",
    "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.51.100.7", "203.0.113.5", "[::1]", "[::]",
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:169.254.169.254]", "[::127.0.0.1]",
    "[fe80::1]", "[fe80::1%25eth0]", "[fc00::1]", "[fd00:ec2::254]", "[fec0::1]", "[ff02::1]",
    "[64:ff9b::7f00:1]", "[64:ff9b::10.0.0.1]", "[64:ff9b:1::a00:1]", "[2002:7f00:1::]",
    "[2002:a00:1::1]", "[2001::1]", "[2001:0:4136:e378:8000:63bf:80ff:fffe]", "[2001:db8::1]",
    "[3fff::1]", "[100::1]", "[2001:10::1]", "[5f00::1]", "[2600:1f00::5efe:7f00:1]",
    "[127.0.0.1]",
]
# fmt: on
NAMED = {
    "localhost": ["127.0.0.1"],
    "ip6-localhost": ["::1"],
    "metadata.google.internal": ["169.254.169.254"],
    "rebind.example": ["10.0.0.7"],
    "half.example": ["93.184.216.34", "192.168.1.1"],
    "other-half.example": ["2606:4700::1111", "::1"],
    "mapped.example": ["::ffff:10.0.0.1"],
    "nat64.example": ["64:ff9b::a9fe:a9fe"],
    "sixtofour.example": ["2002:a9fe:a9fe::1"],
    "unspecified.example": ["0.0.0.0"],
    "scoped.example": ["fe80::1%eth0"],
}
WRONG = [
    "http://one.example/",
    "HTTP://one.example/",
    "ftp://one.example/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_INFO",
    "javascript:alert(1)",
    "wss://one.example/",
    "//one.example/",
    "https:///path",
    "https://",
    "https://user@one.example/",
    "https://one.example:secret@127.0.0.1/",
    "https://127.0.0.1#@one.example/",
    "https://127.0.0.1?@one.example/",
    "https://one.example\\@127.0.0.1/",
    "https://one.example\t/",
    "https://one.example/\r\nHost: evil",
    " https://one.example/",
    "https://１２７.0.0.1/",
    "https://127。0。0。1/",
    "https://127%2e0%2e0%2e1/",
    "https://one.example:22/",
    "https://one.example:6379/",
    "https://one.example:0/",
    "https://one.example:99999/",
    "https://[::1/",
    "https://one..example/",
    "https://.example/",
    "https://one.example/" + "a" * 2048,
]
SSRF = [
    *(f"https://{host}/" for host in LITERALS),
    *(f"https://{name}/" for name in NAMED),
    "https://LOCALHOST./",
    *WRONG,
]


def names(host: str, port: int) -> Sequence[str]:
    """A name server that also knows how resolvers read numbers."""
    if host in NAMED:
        return NAMED[host]
    if host == "one.example":
        return ["93.184.216.34"]
    return [socket.inet_ntoa(socket.inet_aton(host))]


@asynccontextmanager
async def listening(
    answer: Callable[[asyncio.StreamWriter], object] | None = None,
    host: str = "127.0.0.1",
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server: its port, and the head of every request it got."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(b"")
        try:
            heads[-1] = await reader.readuntil(b"\r\n\r\n")
            if answer is not None:
                said = answer(writer)
                if asyncio.iscoroutine(said):
                    await said
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, host, 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1], heads


def saying(text: str) -> Callable[[asyncio.StreamWriter], None]:
    return lambda writer: writer.write(text.encode())


OK = saying("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Seen: Yes\r\n\r\nok")


async def both(outbound: Outbound, url: str, **how: float) -> list[Answer | Exception]:
    """What `fetch` came to, and `send`."""
    came: list[Answer | Exception] = []
    for ask in (
        outbound.fetch("GET", url, **how),  # type: ignore[arg-type]
        asyncio.to_thread(outbound.send, "GET", url, **how),  # type: ignore[arg-type]
    ):
        try:
            came.append(await ask)
        except (Unsafe, Unreachable) as no:
            came.append(no)
    return came


def test_the_list_of_what_must_not_be_asked_is_long_enough() -> None:
    assert len(set(SSRF)) >= 80


@pytest.mark.parametrize("url", SSRF, ids=lambda url: url[:60])
async def test_what_leads_inside_is_never_asked(url: str) -> None:
    for no in await both(Outbound(resolve=names), url):
        assert isinstance(no, Unsafe)


async def test_no_canary_hears_anything() -> None:
    async with listening(OK) as (port, heads), listening(OK, "::1") as (port6, heads6):
        outbound = Outbound(ports={443, port, port6}, resolve=names)
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0", "127.1"):
            assert isinstance((await both(outbound, f"https://{host}:{port}/"))[0], Unsafe)
        for host in ("[::1]", "ip6-localhost", "other-half.example"):
            assert isinstance((await both(outbound, f"https://{host}:{port6}/"))[0], Unsafe)

        assert heads == heads6 == []


async def test_a_name_is_looked_up_once_and_the_checked_address_is_asked(tmp_path: Path) -> None:
    server, client = certified(tmp_path, "hooks.example")
    async with listening(OK, tls=server) as (port, heads):
        looked_up = 0

        def flips(host: str, port: int) -> Sequence[str]:
            nonlocal looked_up
            looked_up += 1
            return ["127.0.0.1"] if looked_up == 1 else ["127.0.0.9"]

        outbound = Outbound("127.0.0.1", resolve=flips, tls=client)
        answer = await outbound.fetch("GET", f"https://hooks.example:{port}/a?b=c")

    assert (answer.status, answer.body, answer.headers["x-seen"]) == (200, b"ok", "Yes")
    assert looked_up == 1
    assert heads[0].startswith(b"GET /a?b=c HTTP/1.1\r\n")
    assert f"\r\nHost: hooks.example:{port}\r\n".encode() in heads[0]


async def test_a_name_that_was_public_when_it_was_given_is_checked_again_when_asked() -> None:
    outbound = Outbound(resolve=lambda host, port: ["127.0.0.1"])
    outbound.check("https://flips.example/")

    for no in await both(outbound, "https://flips.example/"):
        assert isinstance(no, Unsafe)


async def test_a_certificate_must_be_for_the_name(tmp_path: Path) -> None:
    server, client = certified(tmp_path, "hooks.example")
    async with listening(OK, tls=server) as (port, heads):
        outbound = Outbound("127.0.0.1", resolve=lambda *_: ["127.0.0.1"], tls=client)

        for no in await both(outbound, f"https://other.example:{port}/"):
            assert isinstance(no, Unreachable)
        for no in await both(Outbound("127.0.0.1"), f"https://127.0.0.1:{port}/"):
            assert isinstance(no, Unreachable)

    assert not any(heads)


async def test_a_redirect_is_not_followed() -> None:
    async with listening(OK) as (inside, inside_heads):
        there = f"http://127.0.0.1:{inside}/"
        moved = saying(f"HTTP/1.1 307 Go\r\nLocation: {there}\r\nContent-Length: 0\r\n\r\n")
        async with listening(moved) as (port, _):
            answers = await both(Outbound("127.0.0.1"), f"http://127.0.0.1:{port}/")

    assert [answer.status for answer in answers if isinstance(answer, Answer)] == [307, 307]
    assert inside_heads == []


async def test_a_slow_drip_ends_at_the_deadline() -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with listening(drip) as (port, _):
        began = time.monotonic()
        came = await both(Outbound("127.0.0.1"), f"http://127.0.0.1:{port}/", deadline_s=0.3)

    assert [str(no) for no in came] == ["it took too long"] * 2
    assert time.monotonic() - began < 2


async def test_a_name_server_that_hangs_ends_at_the_deadline() -> None:
    def hangs(host: str, port: int) -> Sequence[str]:
        time.sleep(0.5)
        return ["127.0.0.1"]

    began = time.monotonic()
    came = await both(Outbound("127.0.0.1", resolve=hangs), "https://a.example/", deadline_s=0.05)

    assert [type(no) for no in came] == [Unreachable, Unreachable]
    assert time.monotonic() - began < 0.4


async def test_no_more_is_read_than_the_limit() -> None:
    def pour(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000)

    async with listening(pour) as (port, _):
        answers = await both(Outbound("127.0.0.1"), f"http://127.0.0.1:{port}/")

    for answer in answers:
        assert isinstance(answer, Answer)
        assert (len(answer.body), answer.complete) == (65_536, False)


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(OK) as (proxy, proxied), listening(OK) as (port, heads):
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        await both(Outbound("127.0.0.1"), f"http://127.0.0.1:{port}/")

    assert (len(proxied), len(heads)) == (0, 2)


async def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    async with listening(OK) as (port, heads):
        outbound = Outbound("127.0.0.0/8", resolve=lambda *_: ["127.0.0.77", "127.0.0.1"])
        await both(outbound, f"http://two.example:{port}/")

    assert len(heads) == 2


@pytest.mark.parametrize(
    "said", ["SSH-2.0-OpenSSH\r\n", "", "HTTP/1.1 200 OK\r\nContent-Length: 9"]
)
async def test_what_does_not_speak_http_is_unreachable(said: str) -> None:
    async with listening(saying(said)) as (port, _):
        for no in await both(Outbound("127.0.0.1"), f"http://127.0.0.1:{port}/"):
            assert isinstance(no, Unreachable)


async def test_where_nobody_listens_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"

        for no in await both(Outbound("127.0.0.1"), url):
            assert str(no) == "no connection could be made"


def test_allowing_one_host_allows_no_other() -> None:
    outbound = Outbound("Receiver.test, 10.1.0.0/16", resolve=names)

    assert outbound.check("http://receiver.test:9000/x").authority == "receiver.test:9000"
    assert outbound.check("http://10.1.2.3/").port == 80
    for url in ("http://10.2.0.1/", "https://127.0.0.1/"):
        with pytest.raises(Unsafe):
            outbound.check(url)
    with pytest.raises(ValueError, match="no host"):
        Outbound("what is this")


def test_public_addresses_are_public() -> None:
    for text in ("93.184.216.34", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001::1"):
        assert is_public(ipaddress.ip_address(text))


def test_a_url_is_taken_apart_once() -> None:
    target = parse("https://Hooks.Example.:8443/a/b?c=d#e")

    assert (target.host, target.port, target.path) == ("hooks.example", 8443, "/a/b?c=d")
    assert parse("https://[2606:4700::1]").authority == "[2606:4700::1]"
