from __future__ import annotations

import asyncio

import pytest

from handlers.jwks import AGAIN_S, FRESH_S, STALE_S, KeySets
from infra.contract.refusals import Reason, Refused
from infra.net import Outbound, Unsafe
from tests.support.forge import Signer
from tests.support.key_server import KeyServer, key_server

RSA, EC = Signer.new("RS256"), Signer.new("ES256")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def key_sets(clock: Clock) -> KeySets:
    return KeySets(Outbound("127.0.0.1"), clock)


async def unavailable(sets: KeySets, server: KeyServer) -> bool:
    try:
        await sets.key(server.url, "a", "RS256")
    except Refused as no:
        return no.refusal.reason is Reason.UNAVAILABLE
    return False


async def test_a_set_is_fetched_once_for_as_long_as_it_is_fresh() -> None:
    clock = Clock()
    sets = key_sets(clock)
    async with key_server() as server:
        server.keys = [RSA.jwk("a"), EC.jwk("b")]
        found = [sets.key(server.url, "a", "RS256") for _ in range(10)]

        assert None not in await asyncio.gather(*found)
        clock.now += FRESH_S - 1
        assert await sets.key(server.url, "b", "ES256") is not None
        assert server.asked == 1
        clock.now += 1
        assert await sets.key(server.url, "b", "ES256") is not None
        assert server.asked == 2


async def test_a_new_key_is_found_though_the_set_is_fresh() -> None:
    clock = Clock()
    sets = key_sets(clock)
    async with key_server() as server:
        server.keys = [RSA.jwk("a")]
        assert await sets.key(server.url, "a", "RS256") is not None
        server.keys = [RSA.jwk("b")]
        clock.now += AGAIN_S

        assert await sets.key(server.url, "b", "RS256") is not None
        assert await sets.key(server.url, "a", "RS256") is None


async def test_unknown_keys_make_nobody_ask_more_than_once_in_a_while() -> None:
    clock = Clock()
    sets = key_sets(clock)
    async with key_server() as server:
        server.keys = [RSA.jwk("a")]
        for number in range(20):
            assert await sets.key(server.url, f"unknown-{number}", "RS256") is None
        assert server.asked == 1
        clock.now += AGAIN_S
        for number in range(20):
            assert await sets.key(server.url, f"unknown-{number}", "RS256") is None

        assert server.asked == 2


async def test_an_issuer_that_is_away_is_believed_for_a_while() -> None:
    clock = Clock()
    sets = key_sets(clock)
    async with key_server() as server:
        server.keys = [RSA.jwk("a")]
        assert await sets.key(server.url, "a", "RS256") is not None
        server.status = 500
        clock.now += STALE_S - 1

        assert await sets.key(server.url, "a", "RS256") is not None
        clock.now += 1
        assert await unavailable(sets, server)
        server.status = 200
        clock.now += AGAIN_S
        assert await sets.key(server.url, "a", "RS256") is not None


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b"{}", b'{"keys":5}', b'{"keys":[],"keys":[]}', b'{"keys":[NaN]}', b"\xff"),
        b'{"keys":[' + b"{}," * 200 + b"{}]}",
        b'{"keys":[], "x":"' + b"x" * 70_000 + b'"}',
    ],
)
async def test_what_is_no_key_set_is_none(body: bytes) -> None:
    async with key_server() as server:
        server.body = body

        assert await unavailable(key_sets(Clock()), server)


async def test_only_a_key_that_fits_is_taken() -> None:
    plain = RSA.jwk("a")
    weak = {**plain, "n": plain["n"][:100]}
    for keys in (
        [EC.jwk("a")],
        [{"kty": "oct", "k": "c2VjcmV0", "kid": "a"}],
        [{**plain, "use": "enc"}],
        [{**plain, "alg": "RS512"}],
        [plain, plain],
        [weak],
        [{**plain, "n": 5}],
        [{"kty": "RSA", "kid": "a"}],
        ["a", 5, None],
        [],
    ):
        async with key_server() as server:
            server.keys = keys  # type: ignore[assignment]

            assert await key_sets(Clock()).key(server.url, "a", "RS256") is None


async def test_a_token_that_names_no_key_means_the_only_one() -> None:
    async with key_server() as server:
        server.keys = [RSA.jwk(), EC.jwk()]
        assert await key_sets(Clock()).key(server.url, None, "RS256") is not None
        server.keys = [RSA.jwk(), Signer.new("RS256").jwk()]
        assert await key_sets(Clock()).key(server.url, None, "RS256") is None


async def test_a_url_that_leads_inside_is_never_asked() -> None:
    sets = KeySets(Outbound(), Clock())
    async with key_server() as server:
        with pytest.raises(Unsafe):
            sets.check(server.url)
        assert await unavailable(sets, server)

        assert server.asked == 0
