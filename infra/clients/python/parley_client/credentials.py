"""Who a client is, and how it goes on being that when a token expires."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any

import httpx2

AHEAD_S = 30.0
"Seconds before its end from which on a token is no longer used."
Flow = Generator[httpx2.Request, httpx2.Response, None]


class Credential(httpx2.Auth):
    """One for one client, which says where tokens are to be had."""

    issuer = ""
    "The server's address, without a prefix."


class ApiKey(Credential):
    """A tenant's API key, as the header that all three APIs take."""

    def __init__(self, key: str) -> None:
        self._key = key

    def auth_flow(self, request: httpx2.Request) -> Flow:
        request.headers["Authorization"] = f"Bearer {self._key}"
        yield request


class OperatorKey(Credential):
    """The key that makes tenants."""

    def __init__(self, key: str) -> None:
        self._key = key

    def auth_flow(self, request: httpx2.Request) -> Flow:
        request.headers["X-API-Key"] = self._key
        yield request


class Expiring(Credential):
    """A token that is asked for when there is none, when it ends, and when it is refused."""

    requires_response_body = True

    def __init__(self, token: str = "", *, now: Callable[[], float] = time.monotonic) -> None:
        self._token = token
        self._good_until: float | None = None
        self._now = now

    def auth_flow(self, request: httpx2.Request) -> Flow:
        fresh = False
        if not self._token or (self._good_until is not None and self._now() >= self._good_until):
            fresh = yield from self._renewed()
        request.headers["Authorization"] = f"Bearer {self._token}"
        answer = yield request
        if answer.status_code == 401 and not fresh and (yield from self._renewed()):
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request

    def _renewed(self) -> Generator[httpx2.Request, httpx2.Response, bool]:
        """Whether there is another token now. Where there is not, the old one is refused again,
        and that is what its user hears of."""
        wish = self._wish()
        if wish is None:
            return False
        answer = yield wish
        if answer.status_code >= 400:
            return False
        given = answer.json()
        self._token = given["access_token"]
        self._good_until = self._now() + max(0.0, given["expires_in"] - AHEAD_S)
        self._given(given)
        return True

    def _wish(self) -> httpx2.Request | None:
        """The request that gets a token; None: there is no getting one."""
        return None

    def _given(self, given: dict[str, Any]) -> None:
        """What else came with the token."""


class Token(Expiring):
    """An access token, as joining gives one; with its refresh token it never ends."""

    def __init__(
        self,
        access_token: str,
        refresh_token: str | None = None,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(access_token, now=now)
        self._refresh_token = refresh_token

    def _wish(self) -> httpx2.Request | None:
        if self._refresh_token is None:
            return None
        body = {"refresh_token": self._refresh_token}
        return httpx2.Request("POST", f"{self.issuer}/api/v1/auth/refresh", json=body)

    def _given(self, given: dict[str, Any]) -> None:
        self._refresh_token = given.get("refresh_token", self._refresh_token)


class UserOf(Expiring):
    """One of a tenant's users, by the tenant's key: for backends that act for people."""

    def __init__(
        self,
        key: str,
        user_id: str,
        *,
        role: str = "participant",
        display_name: str | None = None,
        room_id: str | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(now=now)
        self._body = {"api_key": key, "user_id": user_id, "role": role} | {
            name: value
            for name, value in (("display_name", display_name), ("room_id", room_id))
            if value is not None
        }

    def _wish(self) -> httpx2.Request | None:
        return httpx2.Request("POST", f"{self.issuer}/api/v1/auth/token", json=self._body)


class ClientCredentials(Expiring):
    """OAuth 2.0 client credentials (RFC 6749, section 4.4)."""

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        *,
        scope: str | None = None,
        path: str = "/oauth/token",
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(now=now)
        self._basic = httpx2.BasicAuth(client_id, client_secret)
        self._form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
        self._path = path

    def _wish(self) -> httpx2.Request | None:
        wish = httpx2.Request("POST", f"{self.issuer}{self._path}", data=self._form)
        return next(self._basic.auth_flow(wish))
