from __future__ import annotations

from infra.contract.cues import to_webvtt
from infra.contract.views import Turn, Word
from workers.transcripts.profanity import struck_out


def turn(text: str) -> Turn:
    words = tuple(
        Word(text=word, start_ms=n * 300, end_ms=n * 300 + 250, probability=0.9)
        for n, word in enumerate(text.split())
    )
    return Turn(speaker_id=None, speaker="Ann", start_ms=0, end_ms=9000, text=text, words=words)


def test_swear_words_keep_their_first_letter_in_the_text_and_in_its_words() -> None:
    [struck] = struck_out([turn("Oh Shit, this fucking build")])

    assert struck.text == "Oh S***, this f****** build"
    assert [word.text for word in struck.words] == ["Oh", "S***,", "this", "f******", "build"]


def test_words_that_only_hold_one_are_left_alone() -> None:
    said = turn("Scunthorpe assesses shiitake and its class")

    assert struck_out([said]) == (said,)


def test_a_deployment_may_strike_out_more() -> None:
    [struck] = struck_out([turn("verdammt, das ist Mist und mistig")], " verdammt* , mist,")

    assert struck.text == "v*******, das ist M*** und mistig"


def test_subtitles_are_still_cut_between_words() -> None:
    said = turn(" ".join(["fucking slow"] * 20))

    [struck] = struck_out([said])

    assert to_webvtt([struck]).count("-->") == to_webvtt([said]).count("-->") > 1
    assert "fuck" not in to_webvtt([struck])
