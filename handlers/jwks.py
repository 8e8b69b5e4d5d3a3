"""Keys that a tenant's issuer publishes (RFC 7517): fetched now and then, kept a while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from handlers.strict_json import parse_object
from infra.contract.issuers import Algorithm
from infra.contract.refusals import Reason, refuse
from infra.net import Outbound, Unreachable, Unsafe

log = structlog.get_logger(__name__)

FRESH_S = 300.0
"Seconds a key set is believed without asking again: how long a withdrawn key is still good."
AGAIN_S = 30.0
"Seconds between two requests for one set, however many unknown keys are named and whatever fails."
STALE_S = 3600.0
"Seconds the last known set is used while the issuer cannot be reached."
FETCH_S = 5.0
MOST_KEYS = 100
SETS = 2000
SMALLEST_RSA = 2048
"Bits (RFC 7518, section 3.3)."

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey
KTY: Mapping[str, str] = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}


def check_public_key(key: object, algorithm: Algorithm) -> PublicKey:
    """Raises ValueError for a key that is not the algorithm's, or weak."""
    match algorithm:
        case "RS256" | "RS512" | "PS256":
            if not isinstance(key, RSAPublicKey):
                raise ValueError(f"{algorithm} needs an RSA public key")
            if key.key_size < SMALLEST_RSA:
                raise ValueError(f"an RSA key has at least {SMALLEST_RSA} bits")
            return key
        case "ES256":
            if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
                raise ValueError("ES256 needs a public key on the curve P-256")
            return key
        case "EdDSA":
            if not isinstance(key, Ed25519PublicKey):
                raise ValueError("EdDSA needs an Ed25519 public key")
            return key
        case _:
            raise ValueError(f"{algorithm} has no public key")


@dataclass(slots=True)
class _Set:
    keys: Sequence[Mapping[str, Any]] | None = None
    "None: never read."
    read_at: float = 0.0
    asked_at: float | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class KeySets:
    def __init__(self, outbound: Outbound, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        self._outbound = outbound
        self._clock = clock
        self._sets: dict[str, _Set] = {}

    def check(self, url: str) -> None:
        """Raises `Unsafe` for a URL that is never asked. Its name is not looked up yet."""
        self._outbound.check(url)

    async def key(self, url: str, kid: str | None, algorithm: Algorithm) -> PublicKey | None:
        """The one key of the set that fits; None: there is none, or more than one.

        `kid` is compared and nothing else. A set that does not have it is asked for again, at most
        once in `AGAIN_S`. Raises `Refused` UNAVAILABLE while no set could be read.
        """
        kept = self._sets.get(url)
        if kept is None:
            while len(self._sets) >= SETS:
                del self._sets[next(iter(self._sets))]
            kept = self._sets[url] = _Set()
        if kept.keys is None or self._clock() >= kept.read_at + FRESH_S:
            await self._read(url, kept)
        found = _fitting(kept.keys or (), kid, algorithm)
        if found is None:
            await self._read(url, kept)
            found = _fitting(kept.keys or (), kid, algorithm)
        if kept.keys is None or self._clock() >= kept.read_at + STALE_S:
            raise refuse(Reason.UNAVAILABLE, "the issuer's keys cannot be read", retry_after_s=5)
        return found

    async def _read(self, url: str, kept: _Set) -> None:
        async with kept.lock:
            now = self._clock()
            if kept.asked_at is not None and now < kept.asked_at + AGAIN_S:
                return
            kept.asked_at = now
            try:
                answer = await self._outbound.fetch(
                    "GET", url, headers={"Accept": "application/json"}, deadline_s=FETCH_S
                )
                if answer.status != 200 or not answer.complete:
                    raise ValueError(f"status {answer.status}, {len(answer.body)} bytes")
                kept.keys = _parse(answer.body)
                kept.read_at = self._clock()
            except (Unsafe, Unreachable, ValueError) as wrong:
                log.warning("jwks.unread", url=url, why=str(wrong))


def _parse(body: bytes) -> Sequence[Mapping[str, Any]]:
    listed = parse_object(body).get("keys")
    if not isinstance(listed, list) or len(listed) > MOST_KEYS:
        raise ValueError("no key set")
    return [key for key in listed if isinstance(key, dict)]


def _fitting(
    keys: Sequence[Mapping[str, Any]], kid: str | None, algorithm: Algorithm
) -> PublicKey | None:
    """Secrets in a set (`oct`) fit nothing: what is published is no secret."""
    fitting = [
        key
        for key in keys
        if key.get("kty") == KTY.get(algorithm[:2])
        and key.get("alg") in (None, algorithm)
        and key.get("use") in (None, "sig")
        and (kid is None or key.get("kid") == kid)
    ]
    if len(fitting) != 1:
        return None
    try:
        return check_public_key(jwt.PyJWK(dict(fitting[0]), algorithm).key, algorithm)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError) as wrong:
        log.warning("jwks.bad_key", why=str(wrong))
        return None
