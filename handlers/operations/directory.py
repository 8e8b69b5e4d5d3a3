"""What may be done with the directory of a tenant's people."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from handlers.call import Call
from infra.contract.commands import PeopleFound, Person, PersonView, PutPeople, RemovePerson
from infra.contract.refusals import Reason, refuse
from infra.db import people


async def search(
    call: Call,
    query: str,
    roles: Sequence[str] | None = None,
    exclude: Collection[str] = (),
    limit: int = 20,
) -> PeopleFound:
    """As `people.search`. Whoever asks must have been found to be somebody who may invite."""
    return await call.here.reader.read(
        people.search,
        call.tenant_id,
        query,
        roles=None if roles is None else tuple(roles),
        exclude=exclude,
        limit=limit,
    )


async def get(call: Call, user_id: str) -> PersonView:
    person = await call.here.reader.read(people.get, call.tenant_id, user_id)
    if person is None:
        raise refuse(Reason.PERSON_UNKNOWN)
    return person


async def put(call: Call, everyone: Sequence[Person]) -> None:
    await call.ask(PutPeople(tenant_id=call.tenant_id, people=tuple(everyone)))


async def remove(call: Call, user_id: str) -> None:
    await call.ask(RemovePerson(tenant_id=call.tenant_id, user_id=user_id))
