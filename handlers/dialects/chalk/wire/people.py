"""People of a tenant's directory."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from handlers.dialects.lines import EMAIL, LINE
from handlers.dialects.operation import Body, Query, Shown
from infra.contract.commands import PeopleFound, PersonView
from infra.contract.commands import Person as PersonToPut

# What people see in lists and letters.
Line = Annotated[str, Field(min_length=1, max_length=200, pattern=LINE)]
Role = Annotated[str, Field(min_length=1, max_length=40, pattern=LINE)]
Email = Annotated[str, Field(min_length=3, max_length=254, pattern=EMAIL)]

COLUMNS = ("user_id", "name", "email", "role", "department")


class PersonIn(Body):
    user_id: Line
    name: Line | None = None
    email: Email | None = None
    role: Role | None = None
    "In your own words: teacher, student, ..."
    department: Line | None = None


def rows(raw: bytes) -> dict[str, Any]:
    """A CSV file (RFC 4180) whose first line names the columns, as the body it stands for.

    Blank fields are as if not sent. Raises ValueError with what is wrong with the file.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("the file is not UTF-8") from None
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        header = reader.fieldnames or ()
        if "user_id" not in header or len(set(header)) != len(header):
            raise ValueError(f"the first line must name columns, of {', '.join(COLUMNS)}")
        if unknown := set(header) - set(COLUMNS):
            raise ValueError(f"{len(unknown)} columns are none of {', '.join(COLUMNS)}")
        people = []
        for row in reader:
            if None in row:
                raise ValueError(f"line {reader.line_num} has more fields than the first")
            people.append({name: value for name, value in row.items() if value and value.strip()})
    except csv.Error as wrong:
        raise ValueError(f"after line {reader.line_num}: {wrong}") from wrong
    return {"people": people}


class PutPeople(Body):
    also_read: ClassVar[Mapping[str, Callable[[bytes], Any]]] = {"text/csv": rows}

    people: Annotated[tuple[PersonIn, ...], Field(min_length=1, max_length=1000)]
    "Of the same `user_id` the last counts."

    def meant(self) -> list[PersonToPut]:
        return [PersonToPut(**person.model_dump()) for person in self.people]


class Search(Query):
    query: str = Field(default="", max_length=200)
    "Beginnings of words of names, e-mail addresses and ids, or nearly so. Blank: everybody."
    limit: int = Field(default=20, ge=1, le=100)


class Person(Shown):
    user_id: str
    name: str | None
    email: str | None
    role: str | None
    department: str | None
    source: Literal["token", "api"]
    "Whether you said so, or a token of theirs did."
    updated_at: datetime

    @classmethod
    def of(cls, person: PersonView) -> Person:
        return cls(**dict(person))


class People(Shown):
    people: tuple[Person, ...]
    total: int
    "How many were found in all."
    limit: int

    @classmethod
    def of(cls, found: PeopleFound, limit: int) -> People:
        return cls(
            people=tuple(Person.of(person) for person in found.people),
            total=found.total,
            limit=limit,
        )


class PeoplePut(Shown):
    count: int
    "People that were sent."
