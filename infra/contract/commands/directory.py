"""The directory of a tenant's people: who may be found and invited by name."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from infra.contract.ids import TenantId
from infra.contract.messages import Command, Done, Message, Reply


class Person(Message):
    user_id: str = Field(min_length=1, max_length=200)
    name: str | None = Field(default=None, min_length=1, max_length=200)
    email: str | None = Field(default=None, min_length=3, max_length=254)
    role: str | None = Field(default=None, min_length=1, max_length=40)
    "In the tenant's own words: teacher, student, ..."
    department: str | None = Field(default=None, min_length=1, max_length=200)


class PersonView(Person):
    source: Literal["token", "api"]
    updated_at: datetime


class PutPeople(Command[Done]):
    """Add people or replace what is known of them."""

    kind: Literal["directory.put"] = "directory.put"
    tenant_id: TenantId
    people: tuple[Person, ...] = Field(min_length=1, max_length=1000)


class NotePerson(Command[Done]):
    """Somebody was seen in a token: fills what the directory does not know, and no more."""

    kind: Literal["directory.note"] = "directory.note"
    tenant_id: TenantId
    person: Person


class RemovePerson(Command[Done]):
    """Not to be found any more. Removing somebody who is not there succeeds."""

    kind: Literal["directory.remove"] = "directory.remove"
    tenant_id: TenantId
    user_id: str = Field(min_length=1, max_length=200)


class PeopleFound(Reply):
    people: tuple[PersonView, ...]
    total: int
