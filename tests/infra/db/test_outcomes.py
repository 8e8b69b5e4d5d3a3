from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from infra.contract.ids import CommandId, new_id
from infra.contract.messages import Envelope
from infra.contract.refusals import Reason
from infra.db import outcomes

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def envelope(kind: str = "room.create", body_sha256: str | None = "aa") -> Envelope:
    return Envelope(command_id=CommandId(new_id()), kind=kind, body={}, body_sha256=body_sha256)


def test_a_stored_outcome_is_found_again(engine: Engine) -> None:
    asked = envelope()

    with engine.begin() as connection:
        assert outcomes.find(connection, asked) is None
        assert outcomes.store(connection, asked, reply={"a": 1}, now=NOW)

    with engine.begin() as connection:
        found = outcomes.find(connection, asked)
    assert found is not None
    assert (found.reply, found.refusal) == ({"a": 1}, None)


def test_an_outcome_is_stored_once(engine: Engine) -> None:
    asked = envelope()
    with engine.begin() as connection:
        outcomes.store(connection, asked, reply={"a": 1}, now=NOW)

    with engine.begin() as connection:
        assert not outcomes.store(connection, asked, reply={"a": 2}, now=NOW)

    with engine.begin() as connection:
        found = outcomes.find(connection, asked)
    assert found is not None
    assert found.reply == {"a": 1}


def test_another_request_under_the_same_key_is_refused(engine: Engine) -> None:
    asked = envelope()
    with engine.begin() as connection:
        outcomes.store(connection, asked, reply={"a": 1}, now=NOW)

    for other in ({"body_sha256": "bb"}, {"kind": "room.end"}):
        with engine.begin() as connection:
            found = outcomes.find(connection, asked.model_copy(update=other))

        assert found is not None
        assert found.refusal is not None
        assert found.refusal["reason"] == Reason.KEY_REUSED


def test_outcomes_are_forgotten_after_a_day_and_not_before(engine: Engine) -> None:
    old, fresh = envelope(), envelope()
    with engine.begin() as connection:
        outcomes.store(connection, old, reply={}, now=NOW - outcomes.KEPT - timedelta(seconds=1))
        outcomes.store(connection, fresh, reply={}, now=NOW - outcomes.KEPT + timedelta(seconds=1))

        assert outcomes.purge(connection, now=NOW, limit=10) == 1

        assert outcomes.find(connection, old) is None
        assert outcomes.find(connection, fresh) is not None


def test_outcomes_are_forgotten_a_few_at_a_time(engine: Engine) -> None:
    long_ago = NOW - outcomes.KEPT - timedelta(days=1)
    with engine.begin() as connection:
        for _ in range(5):
            outcomes.store(connection, envelope(), reply={}, now=long_ago)

        forgotten = [outcomes.purge(connection, now=NOW, limit=2) for _ in range(4)]

    assert forgotten == [2, 2, 1, 0]
