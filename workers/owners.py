"""Which function owns which command, does which job, and runs every so often.

The decorators only write these tables; `workers/app.py` imports every module that uses them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from infra.contract.messages import Command, Reply
from infra.db.jobs import ClaimedJob, SetAside
from infra.db.work import Work
from workers.tools import Tools

C = TypeVar("C", bound=Command[Any])
R = TypeVar("R", bound=Reply)

S = TypeVar("S")

Owner = Callable[[Any, Work, Tools], Reply]
Look = Callable[[Any, Tools], Any]
Performer = Callable[[ClaimedJob, Tools], None]
Mourner = Callable[[SetAside, Work, Tools], None]


@dataclass(frozen=True, slots=True)
class Periodic:
    name: str
    seconds: float
    run: Callable[[Tools], None]


OWNERS: dict[str, tuple[type[Command[Any]], Callable[..., Reply]]] = {}
LOOKS: dict[str, Look] = {}
PERFORMERS: dict[str, Performer] = {}
MOURNERS: dict[str, Mourner] = {}
PERIODIC: list[Periodic] = []


def owns(
    command: type[C],
) -> Callable[[Callable[[C, Work, Tools], R]], Callable[[C, Work, Tools], R]]:
    """The function decides this command: reads, writes through `work`, returns the reply.

    Called in a transaction that also stores the reply, so a command is done once however often
    its message comes; it may be *called* again after a conflict, a crash or a replay, so whatever
    it does outside the transaction must bear repeating. To say no, raise `Refused`.
    """

    def register(owner: Callable[[C, Work, Tools], R]) -> Callable[[C, Work, Tools], R]:
        kind = command.model_fields["kind"].default
        if kind in OWNERS:
            raise TypeError(f"{kind} has an owner already")
        OWNERS[kind] = (command, owner)
        return owner

    return register


def owns_after(
    look: Callable[[C, Tools], S], command: type[C]
) -> Callable[[Callable[[C, Work, Tools, S], R]], Callable[[C, Work, Tools, S], R]]:
    """As `owns`, for what cannot be decided without looking at something slow.

    `look` is called first, with no transaction open, and may refuse; the owner gets what it saw.
    """

    def register(
        owner: Callable[[C, Work, Tools, S], R],
    ) -> Callable[[C, Work, Tools, S], R]:
        kind = command.model_fields["kind"].default
        if kind in OWNERS:
            raise TypeError(f"{kind} has an owner already")
        OWNERS[kind], LOOKS[kind] = (command, owner), look
        return owner

    return register


def prepared(command: Command[Any], tools: Tools) -> Callable[[Work], Reply]:
    """The command's owner, ready to decide. What it must see first, it has seen."""
    _, owner = OWNERS[command.kind]
    seen = (LOOKS[command.kind](command, tools),) if command.kind in LOOKS else ()

    def decide(work: Work) -> Reply:
        if command.touches is not None:
            work.touch(command.touches)
        return owner(command, work, tools, *seen)

    return decide


def performs(kind: str) -> Callable[[Performer], Performer]:
    """The function does jobs of this kind: called with the claimed job and no transaction open.

    Its lease is renewed while it runs. It raises to fail the attempt. `job.beat()` between steps
    tells it to stop by raising, `jobs.finish(work, job)` in its last unit ties the job to its
    effect; a job it does not finish is finished when it returns.
    """

    def register(performer: Performer) -> Performer:
        if kind in PERFORMERS:
            raise TypeError(f"{kind} has a performer already")
        PERFORMERS[kind] = performer
        return performer

    return register


def mourns(kind: str) -> Callable[[Mourner], Mourner]:
    """The function hears of a job of this kind that is given up, in the unit that gives it up.

    It writes what that means for the job's subject; `job.error` says why.
    """

    def register(mourner: Mourner) -> Mourner:
        if kind in MOURNERS:
            raise TypeError(f"{kind} has a mourner already")
        MOURNERS[kind] = mourner
        return mourner

    return register


def every(
    seconds: float,
) -> Callable[[Callable[[Tools], None]], Callable[[Tools], None]]:
    """The function runs about this often, in one worker at a time.

    Never beside itself in one process; when the worker that runs them dies another takes over
    within seconds, and for a moment two may run, so it must bear that.
    """

    def register(run: Callable[[Tools], None]) -> Callable[[Tools], None]:
        PERIODIC.append(Periodic(f"{run.__module__}.{run.__qualname__}", seconds, run))
        return run

    return register
