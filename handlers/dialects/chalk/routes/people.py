"""The directory: whom hosts find when they invite."""

from __future__ import annotations

from functools import partial

from handlers.auth import May
from handlers.call import Call
from handlers.dialects.chalk.wire import people as wire
from handlers.dialects.operation import Table
from handlers.operations import directory
from infra.contract.refusals import Reason

TABLE = Table()
operation = partial(TABLE.add, tag="people", extension=True)


@operation("PUT", "/people", may=May.GOVERN, refuses=(Reason.TENANT_UNKNOWN,))
async def put_people(call: Call, body: wire.PutPeople) -> wire.PeoplePut:
    """Add or replace people.

    Up to a thousand at once: all of them, or none when something is wrong with one. What was known
    of somebody before is forgotten. Also as a CSV file whose first line names its columns.
    """
    await directory.put(call, body.meant())
    return wire.PeoplePut(count=len(body.people))


@operation("GET", "/people", may=May.LEAD)
async def search_people(call: Call, query: wire.Search) -> wire.People:
    """Search people.

    Case and accents do not matter. Best first: whose name, address or id begins with the query,
    then those with words that begin with its words, then those with words spelt nearly so.
    """
    found = await directory.search(call, query.query, limit=query.limit)
    return wire.People.of(found, query.limit)


@operation("GET", "/people/{user_id}", may=May.LEAD, refuses=(Reason.PERSON_UNKNOWN,))
async def get_person(call: Call, user_id: str) -> wire.Person:
    """Get person."""
    return wire.Person.of(await directory.get(call, user_id))


@operation(
    "DELETE",
    "/people/{user_id}",
    may=May.GOVERN,
    status=204,
    refuses=(Reason.TENANT_UNKNOWN,),
)
async def remove_person(call: Call, user_id: str) -> None:
    """Remove person.

    They are not found any more. Removing somebody who is not there succeeds.
    """
    await directory.remove(call, user_id)
