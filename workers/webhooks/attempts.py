"""One attempt at one delivery: written, signed, sent, judged, recorded."""

from __future__ import annotations

import time
from dataclasses import dataclass

import structlog
from sqlalchemy import Engine

from infra.contract.commands import Attempt
from infra.contract.ids import EndpointId
from infra.contract.webhooks import SEALED_FOR
from infra.db import deliveries, sending, webhooks
from infra.db.sending import Claimed
from infra.net import Answer, Outbound, Unreachable, Unsafe
from infra.secrets import Secrets
from infra.telemetry.metrics import WEBHOOK_ATTEMPTS
from workers.tools import Tools
from workers.webhooks import bodies, schedule, signing
from workers.webhooks.schedule import TRIES, Judged, Verdict

ANSWER_S = 15.0
"Seconds a receiver has, from the look-up of its name on."
READ_LIMIT = 65_536
"Bytes of its answer that are read. Nothing is done with them."

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Letter:
    """A delivery ready to be sent."""

    claimed: Claimed
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Sent:
    attempt: Attempt
    retry_after: str | None = None

    @property
    def answered(self) -> bool:
        return self.attempt.status is not None


def prepare(claimed: Claimed, tools: Tools, secrets: Secrets) -> Letter:
    """Its body, written now if this is the first time, and signed for this attempt."""
    now = tools.now()
    text = claimed.body
    if text is None:
        with tools.engine.begin() as connection:
            text = bodies.write(
                connection,
                claimed,
                store=tools.store,
                base_url=tools.settings.base_url,
                now=now,
            )
            sending.keep_body(connection, claimed, text)
    body = text.encode()
    headers = signing.headers(
        delivery_id=claimed.id,
        event=claimed.event,
        body=body,
        secrets=[secrets.unseal(SEALED_FOR, sealed) for sealed in claimed.secrets_sealed],
        at_s=int(now.timestamp()),
        first_at_s=int(claimed.created_at.timestamp()),
        retry=claimed.tries - 1,
    )
    return Letter(claimed, dict(headers), body)


async def send(letter: Letter, outbound: Outbound, tools: Tools) -> Sent:
    """Does not raise for what the other end does."""
    at, began = tools.now(), time.monotonic()
    answer: Answer | None = None
    error: str | None = None
    try:
        answer = await outbound.fetch(
            "POST",
            letter.claimed.url,
            headers=letter.headers,
            content=letter.body,
            deadline_s=ANSWER_S,
            limit=READ_LIMIT,
        )
    except (Unsafe, Unreachable) as failed:
        error = str(failed)
    attempt = Attempt(
        at=at,
        status=None if answer is None else answer.status,
        error=error,
        duration_ms=round((time.monotonic() - began) * 1000),
    )
    return Sent(attempt, None if answer is None else answer.headers.get("retry-after"))


def record(claimed: Claimed, sent: Sent, tools: Tools) -> Judged:
    """Write down what came of it. Another sender's delivery is left to it."""
    judged = schedule.judge(
        sent.attempt.status,
        tries=claimed.tries,
        now=tools.now(),
        retry_after=sent.retry_after,
    )
    with tools.engine.begin() as connection:
        match judged.verdict:
            case Verdict.DELIVERED:
                mine = sending.delivered(connection, claimed, sent.attempt)
            case Verdict.AGAIN:
                mine = sending.try_again(connection, claimed, sent.attempt, wait_s=judged.wait_s)
            case Verdict.NEVER | Verdict.GONE:
                mine = sending.give_up(connection, claimed, sent.attempt)
        if mine and judged.verdict is Verdict.GONE:
            webhooks.change(
                connection,
                claimed.endpoint_id,
                tools.now(),
                enabled=False,
                disabled_reason="it answered 410 Gone",
            )
            deliveries.stop_all(connection, claimed.endpoint_id)
    ended = judged.verdict.value if mine else "lost"
    WEBHOOK_ATTEMPTS.labels(ended).inc()
    log.info(
        "webhook attempted",
        delivery=str(claimed.id),
        endpoint=str(claimed.endpoint_id),
        webhook=claimed.event,
        status=sent.attempt.status,
        error=sent.attempt.error,
        ended=ended,
    )
    return judged


def claim_due(
    engine: Engine, *, room: dict[EndpointId, int], usual: int, at_most: int, lease_s: float
) -> list[Claimed]:
    """Take what is due: at most as much an endpoint as `room` says, `usual` where it says nothing.

    What was tried often enough, the last time by a sender that died of it or was killed, is given
    up here.
    """
    full = [endpoint for endpoint, left in room.items() if left <= 0]
    left = dict(room)
    with engine.begin() as connection:
        chosen = []
        for delivery, endpoint in sending.due(connection, but=full, limit=at_most):
            if left.setdefault(endpoint, usual) > 0:
                left[endpoint] -= 1
                chosen.append(delivery)
        if not chosen:
            return []
        claimed = sending.claim(connection, chosen, lease_s=lease_s)
        for one in claimed:
            if one.tries > TRIES:
                sending.give_up(connection, one, None)
    return [one for one in claimed if one.tries <= TRIES]
