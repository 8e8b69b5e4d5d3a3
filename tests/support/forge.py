"""Tokens made by hand, good and forged: any header, any claims, any signature."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Sign = Callable[[bytes], bytes]
Json = dict[str, Any] | bytes


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def as_bytes(value: Json) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()


def jws(header: Json, claims: Json, sign: Sign) -> str:
    signed = f"{encoded(as_bytes(header))}.{encoded(as_bytes(claims))}"
    return f"{signed}.{encoded(sign(signed.encode()))}"


def hmac_with(secret: bytes, bits: int) -> Sign:
    return lambda signed: hmac.digest(secret, signed, f"sha{bits}")


@dataclass(frozen=True)
class Signer:
    """A private key, or a secret, under the one algorithm it is for."""

    algorithm: str
    private: Any
    "Bytes of an HMAC secret."

    @classmethod
    def new(cls, algorithm: str) -> Signer:
        match algorithm[:2]:
            case "RS" | "PS":
                return cls(algorithm, rsa.generate_private_key(65537, 2048))
            case "ES":
                return cls(algorithm, ec.generate_private_key(ec.SECP256R1()))
            case "Ed":
                return cls(algorithm, Ed25519PrivateKey.generate())
            case _:
                secret = hashlib.sha256(algorithm.encode()).hexdigest()
                return cls(algorithm, secret.encode())

    def sign(self, signed: bytes) -> bytes:
        algorithm = jwt.get_algorithm_by_name(self.algorithm)
        return algorithm.sign(signed, algorithm.prepare_key(self.private))

    @property
    def is_symmetric(self) -> bool:
        return isinstance(self.private, bytes)

    @property
    def pem(self) -> str:
        """The public key."""
        return str(
            self.private.public_key()
            .public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            .decode()
        )

    @property
    def der(self) -> bytes:
        return bytes(
            self.private.public_key().public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )

    def jwk(self, kid: str | None = None) -> dict[str, Any]:
        """The public key, as it is published."""
        algorithm = jwt.get_algorithm_by_name(self.algorithm)
        made: dict[str, Any] = algorithm.to_jwk(self.private.public_key(), as_dict=True)
        made.pop("key_ops", None)
        return {**made, "use": "sig", **({"kid": kid} if kid else {})}
