from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest
import redis
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from infra.contract.ids import CommandId, TenantId, new_id
from infra.contract.messages import Command, Envelope, Outcome
from infra.contract.refusals import Reason
from infra.db.engine import make_engine
from infra.db.work import Left
from infra.settings import Settings
from infra.storage.port import ObjectStore
from tests.support.owners import BreakDown, Note, RefuseMe, written
from tests.support.servers import free_port
from workers.commands import RETRIES, DatabaseAway, carry_out
from workers.owners import OWNERS
from workers.tools import Tools

TENANT = TenantId(new_id())


@pytest.fixture
def tools(engine: Engine, redis_url: str) -> Iterator[Tools]:
    def send(left: Sequence[Left]) -> None:
        assert left == [], "these commands leave nothing"

    with redis.Redis.from_url(redis_url) as client:
        yield Tools(
            engine=engine,
            redis=client,
            store=cast(ObjectStore, None),
            settings=Settings(_env_file=None),
            send=send,
            now=lambda: datetime(2026, 11, 1, tzinfo=UTC),
        )


def envelope(
    command: Command[Any], *, command_id: CommandId | None = None, body_sha256: str | None = None
) -> Envelope:
    return Envelope(
        command_id=command_id or CommandId(new_id()),
        kind=command.kind,
        body=command.model_dump(mode="json"),
        body_sha256=body_sha256,
    )


def note(text: str = "a") -> Note:
    return Note(tenant_id=TENANT, text=text)


def times(tools: Tools, text: str = "a") -> int:
    with tools.engine.connect() as connection:
        return written(connection, text)


def reason(outcome: Outcome) -> str:
    assert outcome.refusal is not None
    return str(outcome.refusal["reason"])


def test_a_command_that_comes_again_is_answered_and_not_done_again(tools: Tools) -> None:
    asked = envelope(note())

    first = carry_out(asked, tools)
    again = carry_out(asked, tools)

    assert first.reply == {"text": "a", "times": 1}
    assert again == first
    assert times(tools) == 1


def test_one_command_carried_out_by_many_at_once_is_done_once(tools: Tools) -> None:
    asked = envelope(note(), body_sha256="aa")
    outcomes: list[Outcome] = []

    threads = [
        threading.Thread(target=lambda: outcomes.append(carry_out(asked, tools))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [outcome.reply for outcome in outcomes] == [{"text": "a", "times": 1}] * 6
    assert times(tools) == 1


def test_another_request_under_the_same_key_changes_nothing(tools: Tools) -> None:
    command_id = CommandId(new_id())
    carry_out(envelope(note("a"), command_id=command_id, body_sha256="aa"), tools)

    other = carry_out(envelope(note("b"), command_id=command_id, body_sha256="bb"), tools)

    assert reason(other) == Reason.KEY_REUSED
    assert times(tools, "b") == 0


def test_a_refusal_is_typed_and_leaves_nothing(tools: Tools) -> None:
    outcome = carry_out(envelope(RefuseMe()), tools)

    assert outcome.refusal is not None
    assert outcome.refusal["reason"] == Reason.ROOM_FULL
    assert outcome.refusal["detail"] == "no seat left"
    with tools.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM command_outcomes")).scalar() == 0


def test_a_refusal_under_a_key_is_the_answer_to_the_key(tools: Tools) -> None:
    command_id = CommandId(new_id())
    carry_out(envelope(RefuseMe(), command_id=command_id, body_sha256="aa"), tools)

    again = carry_out(envelope(RefuseMe(), command_id=command_id, body_sha256="aa"), tools)
    other = carry_out(envelope(note(), command_id=command_id, body_sha256="bb"), tools)

    assert reason(again) == Reason.ROOM_FULL
    assert reason(other) == Reason.KEY_REUSED


def test_an_owner_that_stumbles_over_what_it_did_answers_as_it_did(tools: Tools) -> None:
    asked = envelope(note())
    carry_out(asked, tools)
    _, owner = OWNERS["test.refuse"]
    OWNERS["test.note"], kept = (Note, owner), OWNERS["test.note"]
    try:
        assert carry_out(asked, tools).reply == {"text": "a", "times": 1}
    finally:
        OWNERS["test.note"] = kept


def test_an_owners_bug_is_named_and_leaves_nothing(tools: Tools) -> None:
    outcome = carry_out(envelope(BreakDown()), tools)

    assert (outcome.reply, outcome.refusal, outcome.error) == (None, None, "RuntimeError")


def test_a_command_nobody_owns_or_understands_is_an_error(tools: Tools) -> None:
    unknown = Envelope(command_id=CommandId(new_id()), kind="test.unknown", body={})
    malformed = envelope(note()).model_copy(update={"body": {"kind": "test.note"}})

    assert carry_out(unknown, tools).error == "KeyError"
    assert carry_out(malformed, tools).error == "ValidationError"


def test_a_conflict_is_tried_again_from_the_start(tools: Tools) -> None:
    attempts = 0

    def conflicting(command: Note, work: Any, tools: Tools) -> Any:
        nonlocal attempts
        attempts += 1
        reply = kept[1](command, work, tools)
        if attempts <= RETRIES:
            raise DBAPIError("UPDATE", None, Deadlock("deadlock detected"))
        return reply

    kept = OWNERS["test.note"]
    OWNERS["test.note"] = (Note, conflicting)
    try:
        outcome = carry_out(envelope(note()), tools)
    finally:
        OWNERS["test.note"] = kept

    assert outcome.reply == {"text": "a", "times": 1}
    assert times(tools) == 1


class Deadlock(Exception):
    sqlstate = "40P01"


def test_a_database_that_is_away_is_said_to_be(tools: Tools) -> None:
    gone = make_engine(f"postgresql://nobody@127.0.0.1:{free_port()}/none")

    with pytest.raises(DatabaseAway):
        carry_out(envelope(note()), replace(tools, engine=gone))


def test_work_goes_on_after_the_database_was_restarted(tools: Tools) -> None:
    if tools.engine.dialect.name == "sqlite":
        pytest.skip("a file is not restarted")
    carry_out(envelope(note()), tools)
    admin = create_engine(tools.engine.url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    admin.dispose()

    assert carry_out(envelope(note("b")), tools).reply == {"text": "b", "times": 1}
