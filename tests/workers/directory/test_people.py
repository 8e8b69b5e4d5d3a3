from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA
from sqlalchemy import func, select

from infra.contract.commands import NotePerson, PeopleFound, Person, PutPeople, RemovePerson
from infra.contract.ids import TenantId, new_id
from infra.contract.refusals import Reason
from infra.contract.views import TenantView
from infra.db import people
from infra.db.folding import asked_words, fold, may_be_mistyped, words_of
from tests.support.house import House


def put(house: House, tenant: TenantView, *everyone: Person) -> None:
    house.do(PutPeople(tenant_id=tenant.id, people=everyone))


def named(house: House, tenant: TenantView, *names: str) -> None:
    """People whose ids are their numbers."""
    put(house, tenant, *(Person(user_id=f"{n}", name=name) for n, name in enumerate(names)))


def search(house: House, tenant: TenantView, query: str, **more: object) -> PeopleFound:
    with house.engine.connect() as connection:
        return people.search(connection, tenant.id, query, **more)  # type: ignore[arg-type]


def found(house: House, tenant: TenantView, query: str, **more: object) -> list[str]:
    return [person.name or "" for person in search(house, tenant, query, **more).people]


def test_who_begins_so_comes_first_then_whose_words_do_then_who_is_mistyped(house: House) -> None:
    tenant = house.tenant()
    named(
        house, tenant, "Marten Berg", "Bo Martin", "Martina Ek", "Zoe Marton", "Martin Ahl", "Ann"
    )

    assert found(house, tenant, "martin") == [
        *("Martin Ahl", "Martina Ek"),  # their names begin so
        "Bo Martin",  # a word does
        *("Marten Berg", "Zoe Marton"),  # one letter off
    ]


def test_case_and_accents_do_not_matter(house: House) -> None:
    tenant = house.tenant()
    named(house, tenant, "José Núñez", "Łukasz Ødegård", "Straße Ünal")

    assert found(house, tenant, "JOSE nunez") == ["José Núñez"]
    assert found(house, tenant, "lukasz ode") == ["Łukasz Ødegård"]
    assert found(house, tenant, "strasse") == ["Straße Ünal"]


@pytest.mark.parametrize(
    "query", ["jonhson", "johnsn", "johnsonn", "jphnson", "ohnson", "anna johnsom", "anan johnson"]
)
def test_a_mistyped_word_still_finds(house: House, query: str) -> None:
    tenant = house.tenant()
    named(house, tenant, "Anna Johnson", "Bert Svensson")

    assert found(house, tenant, query) == ["Anna Johnson"]


def test_every_word_must_be_met_in_any_order(house: House) -> None:
    tenant = house.tenant()
    named(house, tenant, "Ann Lee", "Ann Poe", "Bo Lee")

    assert found(house, tenant, "lee ann") == ["Ann Lee"]


def test_people_are_found_by_address_and_by_id(house: House) -> None:
    tenant = house.tenant()
    ann = Person(user_id="S-1042", name="Ann", email="a.lee@school.example")
    put(house, tenant, ann, Person(user_id="S-2", name="Bo", email="bo@school.example"))

    for query in ("a.lee@sch", "lee", "s-104", "1042", "s1042"):
        assert found(house, tenant, query) == ["Ann"], query


def test_roles_and_those_left_out_are_neither_shown_nor_counted(house: House) -> None:
    tenant = house.tenant()
    put(
        house,
        tenant,
        *(Person(user_id=f"{n}", name=f"Ann {n}", role=r) for n, r in enumerate("ttss")),
    )

    only = search(house, tenant, "ann", roles=("t",), exclude=["0"])

    assert [person.user_id for person in only.people] == ["1"]
    assert only.total == 1
    assert search(house, tenant, "ann", roles=()).total == 0


def test_the_total_counts_those_beyond_the_limit(house: House) -> None:
    tenant = house.tenant()
    named(house, tenant, *(f"Ann {n:03}" for n in range(120)))

    for query in ("ann", "amn", ""):
        page = search(house, tenant, query, limit=3)
        assert ([person.name for person in page.people], page.total) == (
            ["Ann 000", "Ann 001", "Ann 002"],
            120,
        )
    assert len(search(house, tenant, "ann", limit=1000).people) == people.MOST


def test_another_tenants_people_are_not_found_or_touched(house: House) -> None:
    ours, theirs = house.tenant(), house.tenant()
    named(house, ours, "Ann Ours")
    named(house, theirs, "Ann Theirs")

    house.do(RemovePerson(tenant_id=theirs.id, user_id="0"))

    assert found(house, ours, "ann") == ["Ann Ours"]
    assert found(house, ours, "anm") == ["Ann Ours"]
    assert search(house, theirs, "ann").total == 0


def test_a_new_name_is_found_and_the_old_one_is_not(house: House) -> None:
    tenant = house.tenant()
    named(house, tenant, "Ann Andersson", "Bo Andersson")

    put(house, tenant, Person(user_id="0", name="Ann Lindqvist"))

    assert found(house, tenant, "lindqvsit") == ["Ann Lindqvist"]
    assert found(house, tenant, "andersen") == ["Bo Andersson"]


def test_nothing_is_kept_of_who_is_removed(house: House) -> None:
    tenant = house.tenant()
    named(house, tenant, "Ann Lee", "Ann Poe")

    for user_id in ("0", "1", "1"):
        house.do(RemovePerson(tenant_id=tenant.id, user_id=user_id))

    with house.engine.connect() as connection:
        for table in (people.PEOPLE, people.WORDS, people.GRAMS):
            assert connection.scalar(select(func.count()).select_from(table)) == 0


def test_what_is_put_replaces_all_that_was_known(house: House) -> None:
    tenant = house.tenant()
    put(house, tenant, Person(user_id="a", name="Ann", email="ann@x.example", role="teacher"))

    put(house, tenant, Person(user_id="a", name="Nan"), Person(user_id="a", name="Anna"))

    with house.engine.connect() as connection:
        seen = people.get(connection, tenant.id, "a")
        assert people.by_email(connection, tenant.id, "ann@x.example") is None
    assert seen is not None
    assert (seen.name, seen.email, seen.role, seen.source) == ("Anna", None, None, "api")


def test_a_token_fills_blanks_and_overwrites_nothing(house: House) -> None:
    tenant = house.tenant()
    put(house, tenant, Person(user_id="a", name="Ann"))
    seen = Person(user_id="a", name="Mallory", email="ann@x.example", role="student")

    for _ in range(2):
        house.do(NotePerson(tenant_id=tenant.id, person=seen))
    house.do(NotePerson(tenant_id=tenant.id, person=Person(user_id="b", name="Bo")))

    with house.engine.connect() as connection:
        ann = people.get(connection, tenant.id, "a")
        bo = people.get(connection, tenant.id, "b")
    assert ann is not None and bo is not None
    assert (ann.name, ann.email, ann.role) == ("Ann", "ann@x.example", "student")
    assert (ann.source, bo.source) == ("api", "token")


def test_an_address_is_whoever_has_it_whatever_its_case_but_not_without_its_accents(
    house: House,
) -> None:
    tenant = house.tenant()
    put(
        house,
        tenant,
        Person(user_id="a", email="josé@x.example"),
        Person(user_id="b", email="Jose@X.example"),
    )

    with house.engine.connect() as connection:
        ids = [
            (people.by_email(connection, tenant.id, email) or Person(user_id="nobody")).user_id
            for email in ("JOSÉ@x.example", "jose@x.example", "jose@y.example")
        ]
    assert ids == ["a", "b", "nobody"]


def test_an_unknown_tenant_has_no_people(house: House) -> None:
    nobody = TenantId(new_id())

    assert (
        house.refusal(PutPeople(tenant_id=nobody, people=(Person(user_id="a"),)))
        is Reason.TENANT_UNKNOWN
    )


NAMES = st.text(st.sampled_from("aábcdeéLløOo'- "), min_size=1, max_size=12).filter(str.strip)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    everyone=st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=12),
    query=st.one_of(NAMES, st.text(max_size=8)),
)
def test_a_search_finds_exactly_who_it_should_and_ranks_them(
    house: House, everyone: list[tuple[str, str]], query: str
) -> None:
    tenant = house.tenant()
    named(house, tenant, *(f"{first} {last}" for first, last in everyone))

    answer = search(house, tenant, query, limit=100)

    expected: dict[str, int] = {}
    phrase = fold(query)
    for n, (first, last) in enumerate(everyone):
        rank = _rank(phrase, fold(f"{first} {last}"), str(n))
        if rank is not None:
            expected[str(n)] = rank
    ranks = [expected[person.user_id] for person in answer.people]
    assert {person.user_id for person in answer.people} == set(expected)
    assert answer.total == len(expected)
    assert ranks == sorted(ranks)


def _rank(phrase: str, name: str, user_id: str) -> int | None:
    """The same told plainly: no index, no statement."""
    asked = asked_words(phrase)
    if not phrase:
        return 0
    if not asked:
        return None
    if name.startswith(phrase) or user_id.startswith(phrase):
        return -1
    words = words_of(name, "", user_id)
    far = [_far(word, words) for word in dict.fromkeys(asked)]
    return None if None in far else sum(edits for edits in far if edits is not None)


def _far(asked: str, words: list[str]) -> int | None:
    if any(word.startswith(asked) for word in words):
        return 0
    if not may_be_mistyped(asked):
        return None
    most = 1 if len(asked) < 8 else 2
    near = []
    for word in filter(may_be_mistyped, words):
        edits = OSA.distance(asked, word)
        if edits > most and len(asked) >= 5:
            edits = OSA.distance(asked, word[: len(asked)])
        near += [edits] if edits <= most else []
    return min(near, default=None)
