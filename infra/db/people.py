"""The directory: who a tenant's people are, and finding them by what somebody remembers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

from rapidfuzz.distance import OSA
from sqlalchemy import (
    Connection,
    Row,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects import postgresql, sqlite

from infra.contract.commands import PeopleFound, Person, PersonView
from infra.contract.ids import TenantId
from infra.db import folding
from infra.db.tables import Person as PersonRow

PEOPLE = PersonRow.metadata.tables["people"]
WORDS = PersonRow.metadata.tables["people_words"]
GRAMS = PersonRow.metadata.tables["people_grams"]

MOST = 100
"People in one answer."
NEAR_WORDS = 200
"Words spelt otherwise than one asked for that count as it, the nearest. More: longer statements."
_AT_ONCE = 500
"Words in one statement: each has up to 33 pairs of letters, and statements so many parameters."
_LAST = "\U0010ffff"
"Sorts after whatever a folded word may hold."

Source = Literal["token", "api"]


def _view(row: Row[Any]) -> PersonView:
    return PersonView(
        user_id=row.user_id,
        name=row.name,
        email=row.email,
        role=row.role,
        department=row.department,
        source=row.source,
        updated_at=row.updated_at,
    )


# --- reading ---


def get(connection: Connection, tenant_id: TenantId, user_id: str) -> PersonView | None:
    row = connection.execute(
        select(PEOPLE).where(PEOPLE.c.tenant_id == tenant_id, PEOPLE.c.user_id == user_id)
    ).one_or_none()
    return _view(row) if row else None


def by_email(connection: Connection, tenant_id: TenantId, email: str) -> PersonView | None:
    """Whoever has this address, whatever its case; of several, the first by user id."""
    rows = connection.execute(
        select(PEOPLE)
        .where(PEOPLE.c.tenant_id == tenant_id, PEOPLE.c.email_folded == folding.fold(email))
        .order_by(PEOPLE.c.user_id)
    )
    # Accents are folded for finding, but make another address.
    exact = email.strip().casefold()
    return next((_view(row) for row in rows if row.email.strip().casefold() == exact), None)


def known(
    connection: Connection,
    tenant_id: TenantId,
    user_ids: Collection[str],
    emails: Collection[str],
) -> tuple[dict[str, PersonView], dict[str, PersonView]]:
    """Of these users and addresses those that are known: by user id, and by address
    in lower case, accents and all."""
    folded = {folding.fold(email) for email in emails}
    rows = connection.execute(
        select(PEOPLE)
        .where(
            PEOPLE.c.tenant_id == tenant_id,
            or_(PEOPLE.c.user_id.in_(set(user_ids)), PEOPLE.c.email_folded.in_(folded)),
        )
        .order_by(PEOPLE.c.user_id.desc())
    )
    found = [_view(row) for row in rows]
    return (
        {person.user_id: person for person in found},
        {person.email.strip().casefold(): person for person in found if person.email},
    )


def search(
    connection: Connection,
    tenant_id: TenantId,
    query: str,
    *,
    roles: tuple[str, ...] | None = None,
    exclude: Collection[str] = (),
    limit: int = 20,
) -> PeopleFound:
    """People by the beginnings of their names, addresses and ids, then by words nearly like it.

    Every word of the query must be met. First come those whose name, address or id begins with
    the query, then those with words that begin with its words, then those with words one edit
    away (two from eight letters on); alike ones by name. A blank query finds everybody. `roles`
    and `exclude` (user ids) are taken literally. `total` counts all, `people` holds `limit` of
    them at most, and never more than `MOST`.
    """
    phrase = folding.fold(query)
    asked = folding.asked_words(phrase)
    if phrase and not asked:
        return PeopleFound(people=(), total=0)
    chosen = select(PEOPLE, func.count().over().label("total")).where(
        PEOPLE.c.tenant_id == tenant_id
    )
    distance: Any = literal(0)
    for n, word in enumerate(dict.fromkeys(asked)):
        met = _met(connection, tenant_id, word).subquery(f"met_{n}")
        chosen = chosen.join(met, met.c.user_id == PEOPLE.c.user_id)
        distance = distance + met.c.distance
    if roles is not None:
        chosen = chosen.where(PEOPLE.c.role.in_(roles))
    if exclude:
        chosen = chosen.where(PEOPLE.c.user_id.not_in(tuple(exclude)))
    if asked:
        chosen = chosen.order_by(case((_begins_with(phrase), -1), else_=distance))
    rows = connection.execute(
        chosen.order_by(func.coalesce(PEOPLE.c.name_folded, _LAST), PEOPLE.c.user_id).limit(
            min(limit, MOST)
        )
    ).all()
    return PeopleFound(people=tuple(_view(row) for row in rows), total=rows[0].total if rows else 0)


def _begins_with(phrase: str) -> Any:
    return or_(
        *(
            func.substr(column, 1, len(phrase)) == phrase
            for column in (PEOPLE.c.name_folded, PEOPLE.c.email_folded, PEOPLE.c.user_id_folded)
        )
    )


def _met(connection: Connection, tenant_id: TenantId, word: str) -> Any:
    """Who has a word that begins with this one (distance 0), or one near it (1, 2)."""
    having = [(0, and_(WORDS.c.word >= word, WORDS.c.word < word + _LAST))]
    near = _near(connection, tenant_id, word)
    for edits in sorted(set(near.values())):
        words = [other for other, far in near.items() if far == edits]
        having.append((edits, WORDS.c.word.in_(words)))
    # One range or list of words each: an OR of them would read every word there is.
    each = union_all(
        *(
            select(WORDS.c.user_id, literal(edits).label("distance")).where(
                WORDS.c.tenant_id == tenant_id, has
            )
            for edits, has in having
        )
    ).subquery()
    return select(each.c.user_id, func.min(each.c.distance).label("distance")).group_by(
        each.c.user_id
    )


def _near(connection: Connection, tenant_id: TenantId, word: str) -> dict[str, int]:
    """Words of the tenant's people spelt nearly like this one, and how many edits away they are.

    An edit changes, adds, drops or swaps letters (optimal string alignment). It touches at most
    three of a word's pairs of letters, so what is near shares all but so many. From five letters
    on the end of the other word may be missing: it may still be being typed.
    """
    if not folding.may_be_mistyped(word):
        return {}
    edits = 1 if len(word) < 8 else 2
    open_ended = len(word) >= 5
    pairs = folding.grams(word)
    if open_ended:
        pairs.discard(word[-1] + folding.GRAM_END)
    length = func.length(GRAMS.c.word)
    sharing = (
        select(GRAMS.c.word)
        .where(
            GRAMS.c.tenant_id == tenant_id,
            GRAMS.c.gram.in_(sorted(pairs)),
            length >= len(word) - edits,
        )
        .group_by(GRAMS.c.word)
        .having(func.count() >= max(1, len(pairs) - 3 * edits))
    )
    if not open_ended:
        sharing = sharing.where(length <= len(word) + edits)
    near: dict[str, int] = {}
    for other in connection.execute(sharing).scalars():
        far = OSA.distance(word, other, score_cutoff=edits)
        if far > edits and open_ended:
            far = OSA.distance(word, other[: len(word)], score_cutoff=edits)
        if 0 < far <= edits:
            near[other] = far
    return dict(sorted(near.items(), key=lambda item: (item[1], item[0]))[:NEAR_WORDS])


# --- writing; the tenant's row must be locked, or two writers may miss each other's words ---


def put(
    connection: Connection,
    tenant_id: TenantId,
    people: Iterable[Person],
    source: Source,
    now: datetime,
) -> None:
    """Write all that is known of them, whatever was before. Of the same user id the last counts."""
    rows = {person.user_id: _row(tenant_id, person, source, now) for person in people}
    before = _rows(connection, tenant_id, list(rows))
    build: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    wanted = build(PEOPLE)
    connection.execute(
        wanted.on_conflict_do_update(
            index_elements=[PEOPLE.c.tenant_id, PEOPLE.c.user_id],
            set_={
                column.name: wanted.excluded[column.name]
                for column in PEOPLE.c
                if not column.primary_key
            },
        ),
        list(rows.values()),
    )
    words = {user_id: _words(row) for user_id, row in rows.items()}
    changed = {
        user_id: found
        for user_id, found in words.items()
        if user_id not in before or _words(before[user_id]._mapping) != found
    }
    old = [before[user_id] for user_id in changed if user_id in before]
    _forget_words(connection, tenant_id, old)
    _keep_words(connection, tenant_id, changed)
    _forget_grams(connection, tenant_id, old)


def remove(connection: Connection, tenant_id: TenantId, user_id: str) -> bool:
    """False when there was nobody of this id."""
    old = _rows(connection, tenant_id, [user_id])
    if not old:
        return False
    connection.execute(
        delete(PEOPLE).where(PEOPLE.c.tenant_id == tenant_id, PEOPLE.c.user_id == user_id)
    )
    _forget_words(connection, tenant_id, list(old.values()))
    _forget_grams(connection, tenant_id, list(old.values()))
    return True


def _row(tenant_id: TenantId, person: Person, source: Source, now: datetime) -> dict[str, Any]:
    return {
        "tenant_id": tenant_id,
        "user_id": person.user_id,
        "user_id_folded": folding.fold(person.user_id),
        "name": person.name,
        "name_folded": folding.fold(person.name) if person.name else None,
        "email": person.email,
        "email_folded": folding.fold(person.email) if person.email else None,
        "role": person.role,
        "department": person.department,
        "source": source,
        "updated_at": now,
    }


def _rows(
    connection: Connection, tenant_id: TenantId, user_ids: Sequence[str]
) -> dict[str, Row[Any]]:
    rows = connection.execute(
        select(PEOPLE).where(PEOPLE.c.tenant_id == tenant_id, PEOPLE.c.user_id.in_(user_ids))
    )
    return {row.user_id: row for row in rows}


def _words(row: Any) -> list[str]:
    return folding.words_of(
        row["name_folded"] or "", row["email_folded"] or "", row["user_id_folded"]
    )


def _mistypable(rows: Iterable[Row[Any]]) -> set[str]:
    return {word for row in rows for word in _words(row._mapping) if folding.may_be_mistyped(word)}


def _keep_words(connection: Connection, tenant_id: TenantId, words: dict[str, list[str]]) -> None:
    rows = [
        {"tenant_id": tenant_id, "word": word, "user_id": user_id}
        for user_id, found in words.items()
        for word in found
    ]
    # An id may be of nothing that makes a word.
    if not rows:
        return
    connection.execute(insert(WORDS), rows)
    mistypable = {
        word for found in words.values() for word in found if folding.may_be_mistyped(word)
    }
    if mistypable:
        build: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        connection.execute(
            build(GRAMS).on_conflict_do_nothing(),
            [
                {"tenant_id": tenant_id, "gram": gram, "word": word}
                for word in sorted(mistypable)
                for gram in sorted(folding.grams(word))
            ],
        )


def _forget_words(connection: Connection, tenant_id: TenantId, old: Sequence[Row[Any]]) -> None:
    had = [
        {"of": tenant_id, "had": word, "who": row.user_id}
        for row in old
        for word in _words(row._mapping)
    ]
    if had:
        connection.execute(
            delete(WORDS).where(
                WORDS.c.tenant_id == bindparam("of"),
                WORDS.c.word == bindparam("had"),
                WORDS.c.user_id == bindparam("who"),
            ),
            had,
        )


def _forget_grams(connection: Connection, tenant_id: TenantId, old: Sequence[Row[Any]]) -> None:
    """Of words that nobody has any more."""
    gone = sorted(_mistypable(old))
    for at in range(0, len(gone), _AT_ONCE):
        unused = set(gone[at : at + _AT_ONCE])
        had = and_(WORDS.c.tenant_id == tenant_id, WORDS.c.word.in_(sorted(unused)))
        unused -= set(connection.execute(select(WORDS.c.word).distinct().where(had)).scalars())
        if unused:
            pairs = {gram for word in unused for gram in folding.grams(word)}
            connection.execute(
                delete(GRAMS).where(
                    GRAMS.c.tenant_id == tenant_id,
                    GRAMS.c.gram.in_(sorted(pairs)),
                    GRAMS.c.word.in_(sorted(unused)),
                )
            )
