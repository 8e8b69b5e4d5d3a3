"""The directory: what the tenant says of its people, and what their tokens say."""

from __future__ import annotations

from infra.contract.commands import NotePerson, Person, PutPeople, RemovePerson
from infra.contract.messages import Done
from infra.contract.refusals import Reason, refuse
from infra.db import people, tenants
from infra.db.work import Work
from workers.owners import owns
from workers.tools import Tools

_KNOWN_BY_TOKEN = ("name", "email", "role", "department")


@owns(PutPeople)
def put_people(command: PutPeople, work: Work, tools: Tools) -> Done:
    """All that is sent is true from now on, also that a field is not there."""
    _lock(command, work)
    people.put(work.connection, command.tenant_id, command.people, "api", work.now)
    return Done()


@owns(NotePerson)
def note_person(command: NotePerson, work: Work, tools: Tools) -> Done:
    """Nothing is written, and nobody waits for anybody, when all is known already."""
    if _learnt(command, work) is None:
        return Done()
    _lock(command, work)
    # Somebody may have written while we waited.
    learnt = _learnt(command, work)
    if learnt is not None:
        person, source = learnt
        people.put(work.connection, command.tenant_id, (person,), source, work.now)
    return Done()


@owns(RemovePerson)
def remove_person(command: RemovePerson, work: Work, tools: Tools) -> Done:
    _lock(command, work)
    people.remove(work.connection, command.tenant_id, command.user_id)
    return Done()


def _learnt(command: NotePerson, work: Work) -> tuple[Person, people.Source] | None:
    """The person with the blanks filled; None when the token says nothing new."""
    seen = command.person
    known = people.get(work.connection, command.tenant_id, seen.user_id)
    if known is None:
        return seen, "token"
    news = {
        name: getattr(seen, name)
        for name in _KNOWN_BY_TOKEN
        if getattr(known, name) is None and getattr(seen, name) is not None
    }
    if not news:
        return None
    return Person(
        user_id=seen.user_id, **(known.model_dump(include=set(_KNOWN_BY_TOKEN)) | news)
    ), (known.source)


def _lock(command: PutPeople | NotePerson | RemovePerson, work: Work) -> None:
    if tenants.lock(work.connection, command.tenant_id) is None:
        raise refuse(Reason.TENANT_UNKNOWN)
