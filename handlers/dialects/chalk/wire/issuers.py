"""Issuers of tokens that a tenant trusts besides us."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from handlers.dialects.operation import Body, Shown
from handlers.issuers import MASK, GivenIssuer
from infra.contract.issuers import Algorithm, JwtIssuer
from infra.contract.views import TenantConfig


class JwtIssuerGiven(Body):
    """Its tokens are signed this way and no other, whatever a token says of itself."""

    issuer: Annotated[str, Field(min_length=1, max_length=512)]
    "The `iss` of its tokens; a tenant's only issuer may leave `iss` out."
    algorithm: Algorithm
    public_key: Annotated[str, Field(min_length=1, max_length=8192)] | None = None
    "PEM. Of RSA, 2048 bits at least; of ES256, on P-256; of EdDSA, Ed25519."
    jwks_url: Annotated[str, Field(min_length=8, max_length=2048)] | None = None
    "https, where the issuer publishes its keys."
    secret: Annotated[str, Field(min_length=8, max_length=1024)] | None = None
    """Of HS256 and HS512, 32 bytes at least. Nothing ever shows it; what is shown instead, sent
    back, leaves it as it is."""
    audience: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    "What `aud` must name; null: it is not looked at."

    @property
    def given(self) -> GivenIssuer:
        return GivenIssuer(
            issuer=self.issuer,
            algorithm=self.algorithm,
            public_key=self.public_key,
            jwks_url=self.jwks_url,
            secret=self.secret,
            audience=self.audience,
        )


class JwtIssuerShown(Shown):
    issuer: str
    algorithm: Algorithm
    public_key: str | None
    jwks_url: str | None
    secret: Literal["********"] | None
    "Null: it has a public key or a URL instead."
    audience: str | None

    @classmethod
    def of(cls, issuer: JwtIssuer) -> JwtIssuerShown:
        return cls(
            issuer=issuer.issuer,
            algorithm=issuer.algorithm,
            public_key=issuer.public_key,
            jwks_url=issuer.jwks_url,
            secret=MASK if issuer.secret_sealed else None,
            audience=issuer.audience,
        )


class ShownConfig(TenantConfig):
    """A tenant's own rules."""

    jwt_issuers: tuple[JwtIssuerShown, ...] = ()  # type: ignore[assignment]

    @classmethod
    def of(cls, config: TenantConfig) -> ShownConfig:
        issuers = [JwtIssuerShown.of(issuer) for issuer in config.jwt_issuers]
        return cls(**{**dict(config), "jwt_issuers": issuers})
