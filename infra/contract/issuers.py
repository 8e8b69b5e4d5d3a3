"""Issuers of tokens that a tenant trusts besides us: its own identity providers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from infra.contract.messages import Message

Algorithm = Literal["RS256", "RS512", "PS256", "ES256", "EdDSA", "HS256", "HS512"]
MOST_ISSUERS = 5


class JwtIssuer(Message):
    """One issuer and the one way its tokens are signed, which no token may choose for itself
    (RFC 8725, sections 3.1 and 3.2)."""

    issuer: str = Field(min_length=1, max_length=512)
    "The `iss` of its tokens, to the letter."
    algorithm: Algorithm
    public_key: str | None = Field(default=None, max_length=8192)
    "PEM."
    jwks_url: str | None = Field(default=None, max_length=2048)
    "Where its keys are published (RFC 7517, section 5)."
    secret_sealed: str | None = Field(default=None, max_length=4096)
    "Of an HMAC; never in the clear at rest, and never shown."
    audience: str | None = Field(default=None, min_length=1, max_length=512)
    "What `aud` must name; None: it is not looked at."

    @property
    def is_symmetric(self) -> bool:
        return self.algorithm.startswith("HS")

    @model_validator(mode="after")
    def _has_one_key(self) -> JwtIssuer:
        given = [self.public_key, self.jwks_url, self.secret_sealed]
        if sum(key is not None for key in given) != 1:
            raise ValueError("an issuer has one of a public key, a JWKS URL and a secret")
        if self.is_symmetric != (self.secret_sealed is not None):
            raise ValueError("a secret goes with HS256 and HS512, and with nothing else")
        return self


def distinct(issuers: tuple[JwtIssuer, ...]) -> tuple[JwtIssuer, ...]:
    """Raises ValueError when two have one name."""
    if len({issuer.issuer for issuer in issuers}) < len(issuers):
        raise ValueError("two issuers have the same name")
    return issuers
