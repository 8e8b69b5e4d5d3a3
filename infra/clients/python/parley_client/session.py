"""A conversation with one API: requests, the answers to them, and what is asked again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, ClassVar, Self
from urllib.parse import quote
from uuid import uuid4

import httpx2

from parley_client.credentials import Credential
from parley_client.errors import ParleyError, Unreachable

WITHIN_S = 15.0
"Seconds one attempt may take."


@dataclass(frozen=True)
class Patience:
    """How long a request is asked again that may yet succeed."""

    attempts: int = 5
    within_s: float = 30.0
    "Seconds spent waiting between the attempts, all together."
    first_s: float = 0.25
    "The first wait, about; each is twice the one before. A server that names a time is obeyed."

    def wait_s(self, attempt: int, named_s: float | None) -> float:
        if named_s is not None:
            return named_s
        return self.first_s * float(2**attempt) * random.uniform(0.75, 1.25)


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    keyed: bool
    "It takes an `Idempotency-Key`, so that asking again changes nothing more."

    @property
    def repeatable(self) -> bool:
        return self.keyed or self.method == "GET"


class Session:
    """What every client does. Thread-safe as far as `httpx2.Client` is."""

    prefix: ClassVar[str]
    refuses: ClassVar[type[ParleyError]] = ParleyError

    def __init__(
        self,
        base_url: str,
        credential: Credential | None = None,
        *,
        patience: Patience = Patience(),
        http: httpx2.Client | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`base_url` without the API's prefix. A client of HTTP that is given stays open."""
        self.base_url = base_url.rstrip("/")
        self._credential = credential
        if credential is not None:
            credential.issuer = self.base_url
        self._patience = patience
        self._http = http or httpx2.Client(timeout=WITHIN_S)
        self._owns_http = http is None
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._owns_http:
            self._http.close()

    def _perform(self, operation: Operation, ids: Mapping[str, str], **asked: Any) -> Any:
        """The answer's JSON; None where it has none."""
        answer = self._ask(operation, ids, **asked)
        return answer.json() if "json" in answer.headers.get("content-type", "") else None

    def _read(self, operation: Operation, ids: Mapping[str, str], **asked: Any) -> str:
        return self._ask(operation, ids, **asked).text

    def _ask(
        self,
        operation: Operation,
        ids: Mapping[str, str],
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        if_match: str | None = None,
    ) -> httpx2.Response:
        headers: dict[str, str] = {}
        if operation.keyed:
            # One for all attempts: whichever arrives first is carried out, the others learn of it.
            headers["Idempotency-Key"] = idempotency_key or str(uuid4())
        if if_match is not None:
            headers["If-Match"] = if_match
        path = operation.path.format_map({name: quote(id, safe="") for name, id in ids.items()})
        return self._persist(
            operation,
            self._http.build_request(
                operation.method,
                f"{self.base_url}{self.prefix}{path if path != '/' else ''}",
                params=_sent(query) if query else None,
                json=dict(body) if body is not None else None,
                headers=headers,
            ),
        )

    def _persist(self, operation: Operation, request: httpx2.Request) -> httpx2.Response:
        """Raises ParleyError, or Unreachable when nobody answered."""
        waited_s, attempt = 0.0, 0
        while True:
            named_s: float | None = None
            problem: ParleyError | Unreachable
            try:
                answer = self._http.send(request, auth=self._credential)
            except httpx2.TransportError as lost:
                problem, again = (
                    Unreachable(f"{request.method} {request.url}"),
                    operation.repeatable,
                )
                problem.__cause__ = lost
            else:
                if answer.status_code < 400:
                    return answer
                problem = self.refuses.of(answer)
                named_s = problem.retry_after_s
                again = problem.status == 429 or (problem.status == 503 and operation.repeatable)
            wait_s = self._patience.wait_s(attempt, named_s)
            attempt, waited_s = attempt + 1, waited_s + wait_s
            if (
                not again
                or attempt >= self._patience.attempts
                or waited_s > self._patience.within_s
            ):
                raise problem
            self._sleep(wait_s)


def _sent(query: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value is not None}
