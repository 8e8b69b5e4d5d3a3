"""The OAuth 2.0 authorization server, in Authlib's terms: clients, grants, and what it answers.

Authlib asks while nothing may be awaited, so everything it may ask for was looked up before: who
the client is, and what became of the token that was sent. One server lives for one request.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    ClientMixin,
    InvalidScopeError,
    OAuth2Request,
)
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from starlette.datastructures import Headers
from starlette.responses import JSONResponse

from handlers.dialects import names
from handlers.tokens import Claims, Identity, Tokens
from infra.contract.scopes import EVERY_SCOPE, Scope
from infra.db.keys import GoodKey

AUTH_METHODS = ["client_secret_basic", "client_secret_post"]
GRANT = "client_credentials"
NOT_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
"RFC 6749, section 5.1."
BASIC = 'Basic realm="parley"'
KEY = "key"
"The word Chroom shows ids of keys with; a client may call itself by either form."

# Its debug lines hold tokens.
logging.getLogger("authlib").setLevel(logging.INFO)


class Client(ClientMixin):  # type: ignore[misc]
    """An API key as a client: its id is `client_id`, the key itself `client_secret`."""

    def __init__(self, client_id: str, key: GoodKey | None) -> None:
        """`key`: what the secret that came opens; None: nothing."""
        self._client_id = client_id
        self._key = key

    @property
    def key(self) -> GoodKey:
        assert self._key is not None
        return self._key

    @property
    def scopes(self) -> frozenset[Scope]:
        return EVERY_SCOPE if self.key.scopes is None else self.key.scopes

    def get_client_id(self) -> str:
        return self._client_id

    def check_client_secret(self, client_secret: str) -> bool:
        """The secret was looked up by its digest; that leaves whether it is this client's."""
        if self._key is None or self._key.id is None:
            return False
        return names.read(self._client_id, KEY) == self._key.id

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in AUTH_METHODS

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == GRANT


@dataclass(frozen=True, slots=True)
class ShownToken:
    """A token of ours that somebody sent, and whether it is still good."""

    claims: Claims
    good: bool

    def check_client(self, client: Client) -> bool:
        return self.claims.key_id is not None and self.claims.key_id == client.key.id

    def is_expired(self) -> bool:
        return not self.good

    def is_revoked(self) -> bool:
        return not self.good


class Asked(OAuth2Request):  # type: ignore[misc]
    def __init__(self, headers: Headers, form: Mapping[str, str]) -> None:
        # Authlib refuses plain http; whether TLS ends before us is the deployment's to decide.
        super().__init__("POST", "https://parley.invalid/", headers=headers)
        self._form = form
        self.payload = BasicOAuth2Payload(form)

    @property
    def args(self) -> Mapping[str, str]:
        return {}

    @property
    def form(self) -> Mapping[str, str]:
        return self._form


class ClientCredentials(ClientCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS

    def validate_requested_scope(self) -> None:
        """A client that asks for more than it has gets nothing (RFC 6749, section 5.2)."""
        asked = (self.request.payload.scope or "").split()
        if not self.request.client.scopes.issuperset(asked):
            raise InvalidScopeError("the client has no such scope")


class Revocation(RevocationEndpoint):  # type: ignore[misc]
    CLIENT_AUTH_METHODS = AUTH_METHODS

    def query_token(self, token_string: str, token_type_hint: str | None) -> ShownToken | None:
        return self.server.token if self.server.token_is_of_tenant() else None

    def revoke_token(self, token: ShownToken, request: Asked) -> None:
        self.server.revoked = token


class Introspection(IntrospectionEndpoint):  # type: ignore[misc]
    CLIENT_AUTH_METHODS = AUTH_METHODS

    def query_token(self, token_string: str, token_type_hint: str | None) -> ShownToken | None:
        token: ShownToken | None = self.server.token
        return token

    def check_permission(self, token: ShownToken, client: Client, request: Asked) -> bool:
        """Tokens of another tenant are nothing to this one."""
        return bool(token.claims.tenant_id == client.key.tenant_id)

    def introspect_token(self, token: ShownToken) -> dict[str, Any]:
        claims = token.claims
        told: dict[str, Any] = {
            "scope": claims.scope,
            "client_id": str(claims.key_id) if claims.key_id else None,
            "username": claims.user_id if claims.scope is None else None,
            "token_type": "Bearer" if claims.type == "access" else None,
            "sub": claims.sub,
            "aud": claims.aud,
            "iss": claims.iss,
            "exp": claims.exp,
            "iat": claims.iat,
            "nbf": claims.nbf,
            "jti": str(claims.jti),
        }
        return {name: value for name, value in told.items() if value is not None}


class Server(AuthorizationServer):  # type: ignore[misc]
    def __init__(self, tokens: Tokens, client: Client, token: ShownToken | None) -> None:
        super().__init__(scopes_supported=sorted(EVERY_SCOPE))
        self._tokens = tokens
        self._client = client
        self.token = token
        self.revoked: ShownToken | None = None
        "What the answer says is revoked: to be made true before it goes out."
        self.register_grant(ClientCredentials)
        self.register_endpoint(Revocation)
        self.register_endpoint(Introspection)
        self.register_token_generator("default", self._generate)

    def token_is_of_tenant(self) -> bool:
        return self.token is not None and self.token.claims.tenant_id == self._client.key.tenant_id

    def query_client(self, client_id: str) -> Client:
        """Also for a client that is not there: it is told no more than one with a wrong secret."""
        return self._client

    def save_token(self, token: dict[str, Any], request: Asked) -> None:
        """Nothing is kept of it: its signature says that it is ours."""

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""

    def create_oauth2_request(self, request: Asked) -> Asked:
        return request

    def handle_response(
        self, status: int, body: dict[str, Any], headers: list[tuple[str, str]]
    ) -> JSONResponse:
        sent = dict(NOT_STORED)
        if status == 401:
            sent["WWW-Authenticate"] = BASIC
        return JSONResponse(body, status, sent)

    def _generate(self, *, client: Client, scope: str | None, **_: Any) -> dict[str, Any]:
        key = client.key
        asked = set((scope or "").split()) or client.scopes
        granted = " ".join(sorted(asked))
        token, lives_s = self._tokens.client(
            Identity(
                kind="tenant",
                sub=str(key.id),
                tenant_id=key.tenant_id,
                role="host",
                key_id=key.id,
                scope=granted,
            )
        )
        return {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": lives_s,
            "scope": granted,
        }
