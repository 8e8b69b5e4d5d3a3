from __future__ import annotations

from uuid import UUID

from infra.contract.ids import ParticipantId
from infra.contract.views import Word
from workers.transcripts.engine import Spoken
from workers.transcripts.merge import PAUSE_MS, TURN_MS, Speech, merge, word_count

ALICE, BOB = ParticipantId(UUID(int=1)), ParticipantId(UUID(int=2))


def said(start_ms: int, end_ms: int, text: str, probability: float = 0.8) -> Spoken:
    step = (end_ms - start_ms) // max(1, len(text.split()))
    words = tuple(
        Word(
            text=word,
            start_ms=start_ms + n * step,
            end_ms=start_ms + (n + 1) * step,
            probability=probability,
        )
        for n, word in enumerate(text.split())
    )
    return Spoken(
        start_ms=start_ms,
        end_ms=end_ms,
        text=text,
        words=words,
        avg_logprob=-0.1,
        no_speech_prob=0.0,
        compression_ratio=1.0,
    )


def alice(*segments: Spoken) -> Speech:
    return Speech(ALICE, "Alice", segments)


def bob(*segments: Spoken) -> Speech:
    return Speech(BOB, "Bob", segments)


def test_speakers_take_turns_in_the_order_of_time() -> None:
    turns = merge(
        [
            bob(said(3000, 4000, "good morning")),
            alice(said(1000, 2000, "hello bob"), said(5000, 6000, "shall we")),
        ]
    )

    assert [(turn.speaker, turn.speaker_id, turn.text) for turn in turns] == [
        ("Alice", ALICE, "hello bob"),
        ("Bob", BOB, "good morning"),
        ("Alice", ALICE, "shall we"),
    ]


def test_a_speaker_who_goes_on_stays_in_one_turn() -> None:
    turns = merge([alice(said(0, 900, "one two"), said(900 + PAUSE_MS, 4000, "three", 0.5))])

    (turn,) = turns
    assert (turn.start_ms, turn.end_ms, turn.text) == (0, 4000, "one two three")
    assert [word.text for word in turn.words] == ["one", "two", "three"]
    assert turn.confidence == 0.7


def test_a_long_pause_begins_a_new_turn() -> None:
    turns = merge([alice(said(0, 900, "one"), said(901 + PAUSE_MS, 4000, "two"))])

    assert [turn.text for turn in turns] == ["one", "two"]


def test_two_who_speak_at_once_are_both_kept_where_they_were() -> None:
    turns = merge([alice(said(1000, 6000, "as i was saying")), bob(said(2000, 2500, "yes"))])

    assert [(turn.speaker, turn.start_ms, turn.end_ms) for turn in turns] == [
        ("Alice", 1000, 6000),
        ("Bob", 2000, 2500),
    ]


def test_somebody_starting_in_between_parts_a_turn() -> None:
    turns = merge(
        [alice(said(0, 1000, "so"), said(1400, 2000, "then")), bob(said(1200, 3000, "wait"))]
    )

    assert [turn.text for turn in turns] == ["so", "wait", "then"]


def test_a_monologue_can_be_found_by_its_time() -> None:
    segments = [said(n * 5000, n * 5000 + 4900, f"part {n}") for n in range(20)]

    turns = merge([alice(*segments)])

    assert max(turn.end_ms - turn.start_ms for turn in turns) <= TURN_MS
    assert " ".join(turn.text for turn in turns) == " ".join(f"part {n}" for n in range(20))


def test_two_people_of_one_name_are_two_people() -> None:
    turns = merge(
        [
            Speech(ALICE, "Sam", (said(0, 1000, "hello"),)),
            Speech(BOB, "Sam", (said(1100, 2000, "hello"),)),
        ]
    )

    assert [turn.speaker_id for turn in turns] == [ALICE, BOB]


def test_one_person_on_two_tracks_is_one_speaker() -> None:
    turns = merge([alice(said(0, 1000, "look")), alice(said(1100, 2000, "here"))])

    assert [turn.text for turn in turns] == ["look here"]


def test_scripts_without_spaces_get_none() -> None:
    turns = merge([alice(said(0, 1000, "你好。"), said(1100, 2000, "再见。"))])

    assert turns[0].text == "你好。再见。"


def test_words_are_counted() -> None:
    turns = merge([alice(said(0, 1000, "one two")), bob(said(0, 1000, "three"))])

    assert word_count(turns) == 3
