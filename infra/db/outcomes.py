"""What commands came to, so that one that comes again is answered and not done again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from infra.contract.messages import Envelope, Outcome
from infra.contract.refusals import Reason, Refusal
from infra.db.tables import CommandOutcome

KEPT = timedelta(hours=24)
"How long the same command is answered from its stored outcome."

_outcomes = CommandOutcome.__table__  # type: ignore[attr-defined]


def _insert(dialect: Any) -> Any:
    inserting = dialect.insert(_outcomes).on_conflict_do_nothing(
        index_elements=[_outcomes.c.command_id]
    )
    # Counted for updates only, unless asked for.
    return inserting.execution_options(preserve_rowcount=True)


_INSERTS = {"sqlite": _insert(sqlite), "postgresql": _insert(postgresql)}


def store(
    connection: Connection,
    envelope: Envelope,
    *,
    reply: dict[str, Any] | None = None,
    refusal: dict[str, Any] | None = None,
    now: datetime,
) -> bool:
    """Write how the command ended. False when that is stored already: roll everything back.

    On Postgres a second performer of the same command waits here until the first has committed.
    """
    written = connection.execute(
        _INSERTS[connection.dialect.name],
        {
            "command_id": envelope.command_id,
            "kind": envelope.kind,
            "body_sha256": envelope.body_sha256,
            "reply": reply,
            "refusal": refusal,
            "created_at": now,
        },
    )
    return written.rowcount == 1


def find(connection: Connection, envelope: Envelope) -> Outcome | None:
    """The stored outcome of this command; KEY_REUSED when it was another under the same key."""
    row = connection.execute(
        select(_outcomes).where(_outcomes.c.command_id == envelope.command_id)
    ).one_or_none()
    if row is None:
        return None
    if row.kind != envelope.kind or row.body_sha256 != envelope.body_sha256:
        reused = Refusal(
            reason=Reason.KEY_REUSED, detail="this Idempotency-Key came with another request"
        )
        return Outcome(command_id=envelope.command_id, refusal=reused.model_dump(mode="json"))
    return Outcome(command_id=envelope.command_id, reply=row.reply, refusal=row.refusal)


def purge(connection: Connection, *, now: datetime, limit: int) -> int:
    """Forget up to `limit` outcomes older than `KEPT`, the oldest. Returns how many."""
    old = (
        select(_outcomes.c.command_id)
        .where(_outcomes.c.created_at < now - KEPT)
        .order_by(_outcomes.c.created_at)
        .limit(limit)
    )
    gone = connection.execute(delete(_outcomes).where(_outcomes.c.command_id.in_(old)))
    return gone.rowcount
