from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.db import folding


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("José  NÚÑEZ", "jose nunez"),
        ("Łukasz Ødegård", "lukasz odegard"),
        ("Straße", "strasse"),
        ("İpek Işık", "ipek isik"),
        ("Æneas Þór", "aeneas thor"),
        ("O’Brien", "o'brien"),
        ("Jean‑Luc", "jean-luc"),
        ("Ｗｉｄｅ", "wide"),
        (" \t\x00a\u202eb\n", "a b"),
    ],
)
def test_spellings_of_one_name_are_one(name: str, folded: str) -> None:
    assert folding.fold(name) == folded


@given(st.text())
def test_folding_twice_changes_nothing_and_leaves_only_what_is_seen(text: str) -> None:
    once = folding.fold(text)

    assert folding.fold(once) == once
    assert once.isprintable()
    once.encode()


@given(st.text(), st.text(), st.text())
def test_somebody_is_found_by_every_word_of_theirs_that_is_asked_for(
    name: str, email: str, user_id: str
) -> None:
    texts = [folding.fold(text)[:90] for text in (name, email.replace(" ", ""), user_id)]
    keys = folding.words_of(*texts)

    if len(keys) < folding.WORDS_OF_A_PERSON:
        for text in texts:
            for asked in folding.asked_words(text):
                assert any(key.startswith(asked) for key in keys), (asked, keys)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("o'brien", {"o'brien", "obrien", "o", "brien"}),
        ("(ann)", {"ann"}),
        ("jean-luc", {"jean-luc", "jeanluc", "jean", "luc"}),
        ("- '", set()),
    ],
)
def test_a_compound_is_found_by_its_parts_and_written_together(name: str, words: set[str]) -> None:
    assert set(folding.words_of(name, "", "")) == words


def test_an_address_is_found_by_what_stands_before_the_at_alone() -> None:
    assert set(folding.words_of("", "ann.lee@school.example", "u-7")) == {
        *("ann.lee@school.example", "ann", "lee", "u-7", "u", "7", "u7")
    }
