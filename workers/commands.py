"""Carrying out one command: once, however often its message comes."""

from __future__ import annotations

import random
import time

import structlog
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from infra.contract.messages import Command, Envelope, Outcome, Reply
from infra.contract.refusals import Refused
from infra.db import outcomes
from infra.db.engine import is_outage, is_worth_retrying
from infra.telemetry.metrics import COMMAND_RETRIES, COMMAND_SECONDS, COMMANDS
from workers.owners import OWNERS, prepared
from workers.tools import Tools

RETRIES = 3
"How often a unit of work is done again after a deadlock, a lock timeout or a lost connection."
_PAUSE_S = 0.02

log = structlog.get_logger(__name__)


class DatabaseAway(Exception):
    """The command was not carried out, and the same may work when the database is back."""


class _DoneBefore(Exception):
    """The outcome is stored already: this unit of work must leave nothing."""


def carry_out(envelope: Envelope, tools: Tools) -> Outcome:
    """Do what the command says and say how it ended. Raises only `DatabaseAway`."""
    kind = envelope.kind
    try:
        order, _ = OWNERS[kind]
        command = order.model_validate(envelope.body)
    except (KeyError, ValidationError) as unusable:
        log.error("a command nobody understands", kind=kind, error=type(unusable).__name__)
        return _broken(envelope, unusable)
    with structlog.contextvars.bound_contextvars(
        command=kind, command_id=str(envelope.command_id), request_id=envelope.request_id
    ):
        began = time.perf_counter()
        try:
            ended, outcome = _retried(envelope, command, tools)
        except (DBAPIError, PoolTimeout) as broken:
            if is_outage(broken) or (isinstance(broken, DBAPIError) and is_worth_retrying(broken)):
                log.warning("the database is away", error=type(broken).__name__)
                raise DatabaseAway from broken
            log.exception("an owner broke")
            ended, outcome = "broken", _broken(envelope, broken)
        except Exception as broken:
            log.exception("an owner broke")
            ended, outcome = "broken", _broken(envelope, broken)
        COMMANDS.labels(kind, ended).inc()
        COMMAND_SECONDS.labels(kind).observe(time.perf_counter() - began)
    return outcome


def _retried(envelope: Envelope, command: Command[Reply], tools: Tools) -> tuple[str, Outcome]:
    for attempt in range(RETRIES + 1):
        try:
            return _once(envelope, command, tools)
        except DBAPIError as broken:
            if attempt == RETRIES or not is_worth_retrying(broken):
                raise
            COMMAND_RETRIES.labels(envelope.kind).inc()
            # Apart from the others that met the same conflict, and later each time.
            time.sleep(random.uniform(0, _PAUSE_S * 4**attempt))
    raise AssertionError("unreachable")


def _once(envelope: Envelope, command: Command[Reply], tools: Tools) -> tuple[str, Outcome]:
    # The outcome is written last and by one statement, which is also what finds out that the
    # command was done before: a command that comes for the first time is not looked up at all.
    try:
        decide = prepared(command, tools)
        with tools.begin() as work:
            reply = decide(work).model_dump(mode="json")
            if not outcomes.store(work.connection, envelope, reply=reply, now=work.now):
                raise _DoneBefore
        return "done", Outcome(command_id=envelope.command_id, reply=reply)
    except _DoneBefore:
        return "replayed", _stored(envelope, tools) or _broken(envelope, _DoneBefore())
    except Refused as no:
        return _refused(envelope, no, tools)
    except Exception as broken:
        if isinstance(broken, DBAPIError) and is_worth_retrying(broken):
            raise
        # Done before, an owner may well stumble over what it did: then that is the answer.
        stored = _stored(envelope, tools)
        if stored is None:
            raise
        return "replayed", stored


def _refused(envelope: Envelope, no: Refused, tools: Tools) -> tuple[str, Outcome]:
    """A refusal leaves nothing; it is stored only for who may ask again under the same key."""
    refusal = no.refusal.model_dump(mode="json")
    with tools.begin() as work:
        stored = outcomes.find(work.connection, envelope)
        if stored is not None:
            return "replayed", stored
        if envelope.body_sha256 is not None:
            outcomes.store(work.connection, envelope, refusal=refusal, now=work.now)
    log.info("refused", reason=no.refusal.reason.value)
    return "refused", Outcome(command_id=envelope.command_id, refusal=refusal)


def _stored(envelope: Envelope, tools: Tools) -> Outcome | None:
    with tools.engine.connect() as connection:
        return outcomes.find(connection, envelope)


def _broken(envelope: Envelope, error: Exception) -> Outcome:
    return Outcome(command_id=envelope.command_id, error=type(error).__name__)
