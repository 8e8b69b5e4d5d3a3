from __future__ import annotations

import io
import itertools

import pytest
import webvtt

from infra.contract.cues import CUE_CHARS, CUE_MS, cues, to_srt, to_text, to_webvtt
from infra.contract.views import Turn, Word


def turn(start_ms: int, end_ms: int, text: str, speaker: str = "Alice") -> Turn:
    return Turn(speaker_id=None, speaker=speaker, start_ms=start_ms, end_ms=end_ms, text=text)


def spoken(start_ms: int, text: str, *, word_ms: int = 400) -> Turn:
    words = tuple(
        Word(
            text=word,
            start_ms=start_ms + n * word_ms,
            end_ms=start_ms + (n + 1) * word_ms,
            probability=0.9,
        )
        for n, word in enumerate(text.split())
    )
    return Turn(
        speaker_id=None,
        speaker="Alice",
        start_ms=start_ms,
        end_ms=words[-1].end_ms,
        text=text,
        words=words,
    )


TALK = (
    turn(1056, 2196, "hello bob welcome"),
    turn(3_723_004, 3_724_300, "good morning alice", "Bob"),
)


def test_webvtt_names_the_voice_of_every_cue() -> None:
    assert to_webvtt(TALK) == (
        "WEBVTT\n"
        "\n"
        "1\n"
        "00:00:01.056 --> 00:00:02.196\n"
        "<v Alice>hello bob welcome\n"
        "\n"
        "2\n"
        "01:02:03.004 --> 01:02:04.300\n"
        "<v Bob>good morning alice\n"
    )


def test_srt_says_who_speaks() -> None:
    assert to_srt(TALK) == (
        "1\n"
        "00:00:01,056 --> 00:00:02,196\n"
        "Alice: hello bob welcome\n"
        "\n"
        "2\n"
        "01:02:03,004 --> 01:02:04,300\n"
        "Bob: good morning alice\n"
    )


def test_text_is_a_line_for_every_turn() -> None:
    assert to_text(TALK) == (
        "[00:00:01] Alice: hello bob welcome\n[01:02:03] Bob: good morning alice\n"
    )


def test_nothing_said_is_a_valid_file() -> None:
    assert to_webvtt(()) == "WEBVTT\n"
    assert to_srt(()) == ""
    assert to_text(()) == ""


HOSTILE = "<script>alert(1)</script> & 00:00:01.000 --> 00:00:09.000\n\n2\nnext\u0000"


def test_spoken_markup_is_shown_and_not_obeyed() -> None:
    written = to_webvtt([turn(0, 1000, HOSTILE, "<b>Eve</b>\n\nNOTE & co")])

    (caption,) = webvtt.from_buffer(io.StringIO(written))
    assert caption.voice == "&lt;b&gt;Eve&lt;/b&gt; NOTE &amp; co"
    assert "<script" not in written
    assert written.count("-->") == 1
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; 00:00:01.000 --&gt; " in written


def test_spoken_markup_is_harmless_in_srt_and_text() -> None:
    hostile = [turn(0, 1000, HOSTILE, "Eve\u202e\nBob")]

    srt, text = to_srt(hostile), to_text(hostile)

    assert srt.count("-->") == 1
    assert "<" not in srt
    assert len(srt.splitlines()) == 3
    assert text.startswith("[00:00:00] Eve Bob: <script>")
    assert len(text.splitlines()) == 1


def test_a_long_turn_becomes_subtitles_one_can_read() -> None:
    text = " ".join(f"word{n}" for n in range(60))

    shown = list(cues([spoken(5000, text)]))

    assert " ".join(cue.text for cue in shown) == text
    assert max(len(cue.text) for cue in shown) <= CUE_CHARS
    assert max(cue.end_ms - cue.start_ms for cue in shown) <= CUE_MS
    assert shown[0].start_ms == 5000
    assert shown[-1].end_ms == 5000 + 60 * 400
    assert all(a.end_ms == b.start_ms for a, b in itertools.pairwise(shown))


def test_words_that_are_not_in_the_text_do_not_lose_any_of_it() -> None:
    odd = spoken(0, "one two three").model_copy(update={"text": "something else entirely"})

    assert [cue.text for cue in cues([odd])] == ["something else entirely"]


def test_cues_start_in_order_though_speakers_overlap() -> None:
    long = spoken(0, " ".join(f"word{n}" for n in range(60)))
    short = turn(3000, 3500, "yes", "Bob")

    starts = [cue.start_ms for cue in cues([long, short])]

    assert starts == sorted(starts)


@pytest.mark.parametrize("end_ms", [1000, 900])
def test_a_cue_always_ends_after_it_starts(end_ms: int) -> None:
    (cue,) = cues([turn(1000, end_ms, "oh")])

    assert cue.end_ms > cue.start_ms
