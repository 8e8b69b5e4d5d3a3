"""Commands and jobs of the tests' own, small enough to see through."""

from __future__ import annotations

import os
import signal
import time
from typing import Any, Literal

from sqlalchemy import insert, select

from infra.contract.ids import TenantId, new_id
from infra.contract.messages import Command, Done, Reply
from infra.contract.refusals import Reason, refuse
from infra.db import jobs
from infra.db.jobs import ClaimedJob, SetAside
from infra.db.tables import AuditEntry
from infra.db.work import Work
from workers.owners import every, mourns, owns, performs
from workers.tools import Tools

_audit = AuditEntry.__table__  # type: ignore[attr-defined]


class Noted(Reply):
    text: str
    times: int


class Note(Command[Noted]):
    """Write the text down; `times` counts how often it is written down now."""

    kind: Literal["test.note"] = "test.note"
    tenant_id: TenantId
    text: str


class RefuseMe(Command[Done]):
    kind: Literal["test.refuse"] = "test.refuse"


class BreakDown(Command[Done]):
    kind: Literal["test.break"] = "test.break"


class Dawdle(Command[Done]):
    kind: Literal["test.dawdle"] = "test.dawdle"
    seconds: float


class Nothing(Command[Done]):
    """No statement at all: what remains is the price of the bus."""

    kind: Literal["test.nothing"] = "test.nothing"


def write_down(work: Work, tenant_id: TenantId, text: str) -> None:
    work.connection.execute(
        insert(_audit),
        {
            "id": new_id(),
            "tenant_id": tenant_id,
            "action": "noted",
            "subject": text,
            "actor": {},
            "at": work.now,
        },
    )


def written(connection: Any, text: str) -> int:
    query = select(_audit.c.id).where(_audit.c.subject == text)
    return len(connection.execute(query).all())


@owns(Note)
def note(command: Note, work: Work, tools: Tools) -> Noted:
    write_down(work, command.tenant_id, command.text)
    return Noted(text=command.text, times=written(work.connection, command.text))


@owns(RefuseMe)
def refuse_me(command: RefuseMe, work: Work, tools: Tools) -> Done:
    raise refuse(Reason.ROOM_FULL, "no seat left")


@owns(BreakDown)
def break_down(command: BreakDown, work: Work, tools: Tools) -> Done:
    raise RuntimeError("an owner's bug")


@owns(Dawdle)
def dawdle(command: Dawdle, work: Work, tools: Tools) -> Done:
    time.sleep(command.seconds)
    return Done()


@owns(Nothing)
def nothing(command: Nothing, work: Work, tools: Tools) -> Done:
    return Done()


@performs("test.note")
def note_job(job: ClaimedJob, tools: Tools) -> None:
    """Written down in the unit that finishes the job, so it is once or not at all."""
    with tools.begin() as work:
        write_down(work, TenantId(job.id), job.subject)
        jobs.finish(work, job)


@performs("test.kill_first")
def kill_first(job: ClaimedJob, tools: Tools) -> None:
    """Takes its worker with it the first time, after having done half of the work."""
    if job.attempt == 1:
        job.beat({"half": True})
        os.kill(os.getpid(), signal.SIGKILL)
    with tools.begin() as work:
        write_down(work, TenantId(job.id), f"{job.subject} {job.checkpoint} {job.attempt}")
        jobs.finish(work, job)


@performs("test.poison")
def poison(job: ClaimedJob, tools: Tools) -> None:
    with tools.begin() as work:
        write_down(work, TenantId(job.id), f"{job.subject} started")
    os.kill(os.getpid(), signal.SIGKILL)


@mourns("test.poison")
def mourn_poison(job: SetAside, work: Work, tools: Tools) -> None:
    write_down(work, TenantId(job.id), f"{job.subject} given up: {job.error}")


@performs("test.patient")
def patient(job: ClaimedJob, tools: Tools) -> None:
    """Beats until it is told to stop."""
    with tools.begin() as work:
        write_down(work, TenantId(job.id), f"{job.subject} started")
    for second in range(600):
        job.beat({"at": second})
        time.sleep(0.05)


@every(0.2)
def round_of_tests(tools: Tools) -> None:
    tools.redis.rpush("test:rounds", os.getpid())
