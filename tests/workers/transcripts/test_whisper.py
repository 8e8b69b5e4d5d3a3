"""The whole way from a file to words, with the small model that comes along."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infra.contract.views import Word
from tests.support.sounds import MODEL, SPEECH, Sound, recorded, silence, write
from workers.child import ChildDied
from workers.transcripts.decode import read_file
from workers.transcripts.engine import (
    CannotTranscribe,
    ModelUnavailable,
    Spoken,
    WhisperEngine,
    WhisperOptions,
)
from workers.transcripts.merge import Speech, merge
from workers.transcripts.reader import packed, read_pieces
from workers.transcripts.track import Loss, Piece, Segment, Undecodable
from workers.transcripts.whisper import held_to_voice

TRUTH: list[dict[str, Any]] = json.loads((SPEECH / "dialogue.json").read_text(encoding="utf-8"))
OPTIONS = WhisperOptions(model=str(MODEL), device="cpu", compute_type="int8", threads=2)


@pytest.fixture(scope="module")
def engine() -> Iterator[WhisperEngine]:
    engine = WhisperEngine(OPTIONS)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def alice() -> Piece:
    (piece,) = read_pieces([Segment(SPEECH / "alice.ogg", 0)])
    return piece


def heard(engine: WhisperEngine, *segments: Segment) -> tuple[Spoken, ...]:
    return tuple(
        spoken
        for piece in read_pieces(segments)
        for spoken in engine.transcribe(piece, language="en-US").segments
    )


def test_a_dialogue_is_read_as_it_was_spoken(engine: WhisperEngine) -> None:
    turns = merge(
        Speech(None, who, heard(engine, Segment(SPEECH / f"{who}.ogg", 0)))
        for who in ("alice", "bob")
    )

    assert [(turn.speaker, turn.text) for turn in turns] == [
        (line["speaker"], line["text"]) for line in TRUTH
    ]
    for turn, line in zip(turns, TRUTH, strict=True):
        assert turn.start_ms == pytest.approx(line["start_ms"], abs=200)
        assert turn.end_ms == pytest.approx(line["end_ms"], abs=200)
        assert [word.text for word in turn.words] == line["text"].split()
        assert turn.confidence is not None
        assert turn.confidence > 0.5


def test_the_same_piece_is_heard_the_same_again(engine: WhisperEngine, alice: Piece) -> None:
    assert engine.transcribe(alice) == engine.transcribe(alice)


def test_words_keep_their_time_over_a_long_recording_with_holes(
    engine: WhisperEngine, tmp_path: Path
) -> None:
    # 20 minutes of next to nothing, a line of Alice's every 200 s, and a hole of 5 minutes.
    line = _line_of_alice(0)
    starts = [30.0, 230.0, 555.5, 800.25, 1180.0]
    noise = np.random.default_rng(1).standard_normal(1200 * 16_000).astype(np.float32) * 5e-4
    for start in starts:
        at = round(start * 16_000)
        noise[at : at + len(line)] += line
    path = write(tmp_path / "long.webm", noise, rate=16_000, holes_s=[(240.0, 540.0)])

    spoken = heard(engine, Segment(path, t0_ms=7000, dur_ms=1_200_000))

    assert [s.text for s in spoken] == [TRUTH[0]["text"]] * len(starts)
    for segment, start in zip(spoken, starts, strict=True):
        assert segment.start_ms / 1000 == pytest.approx(7 + start, abs=0.2)


def test_a_word_across_two_segments_is_one_word(engine: WhisperEngine, tmp_path: Path) -> None:
    # Alice says "the budget is nine five zero" from 9.7 s to 11.4 s.
    segments = recorded(SPEECH / "alice.ogg", tmp_path, every_ms=10_000, t0_ms=500)

    spoken = heard(engine, *segments)

    hers = [line for line in TRUTH if line["speaker"] == "alice"]
    assert len(segments) == 3
    assert [s.text for s in spoken] == [line["text"] for line in hers]
    for segment, line in zip(spoken, hers, strict=True):
        assert segment.start_ms == pytest.approx(line["start_ms"] + 500, abs=200)


def _line_of_alice(number: int) -> Sound:
    """One line of hers, nothing before or after."""
    line = [line for line in TRUTH if line["speaker"] == "alice"][number]
    sound = np.concatenate(list(read_file(SPEECH / "alice.ogg", [])))
    return sound[line["start_ms"] * 16 : line["end_ms"] * 16]


@pytest.mark.parametrize("sound", ["silence", "noise"])
def test_nothing_is_heard_where_nobody_speaks(
    engine: WhisperEngine, tmp_path: Path, sound: str
) -> None:
    still = silence(20, 48_000)
    if sound == "noise":
        still = np.random.default_rng(2).standard_normal(len(still)).astype(np.float32) * 0.05
    path = write(tmp_path / "still.webm", still)

    assert heard(engine, Segment(path, 0)) == ()


def test_a_killed_recogniser_costs_one_piece_and_no_more(alice: Piece) -> None:
    engine = WhisperEngine(OPTIONS)
    try:
        before = engine.transcribe(alice)
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGKILL)
        with pytest.raises(ChildDied):
            engine.transcribe(alice)

        assert engine.transcribe(alice) == before
    finally:
        engine.close()


def test_a_recogniser_that_grew_is_replaced_between_pieces(alice: Piece) -> None:
    engine = WhisperEngine(WhisperOptions(model=str(MODEL), device="cpu", recycle_bytes=1))
    try:
        assert engine.transcribe(alice).segments

        assert engine.pid is None
        assert engine.transcribe(alice).segments
    finally:
        engine.close()


@pytest.mark.parametrize("language", ["en", "EN_gb", "auto", None])
def test_an_english_model_hears_english_whatever_it_is_called(
    engine: WhisperEngine, alice: Piece, language: str | None
) -> None:
    said = engine.transcribe(alice, language=language)

    assert said.language == "en"
    assert said.segments[0].text == "hello bob welcome"


@pytest.mark.parametrize("language", ["de-DE", "klingon"])
def test_a_language_the_model_does_not_know_is_refused(
    engine: WhisperEngine, alice: Piece, language: str
) -> None:
    with pytest.raises(CannotTranscribe, match=language):
        engine.transcribe(alice, language=language)

    assert engine.transcribe(alice).segments


def test_a_model_that_is_not_there_is_named(alice: Piece, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"none")
    engine = WhisperEngine(WhisperOptions(model=str(tmp_path), device="cpu"))

    with pytest.raises(ModelUnavailable, match=str(tmp_path)):
        engine.transcribe(alice)

    assert engine.pid is None


def test_a_piece_without_voice_starts_nothing() -> None:
    engine = WhisperEngine(OPTIONS)

    assert engine.transcribe(Piece(0, 0, 1000, ())).segments == ()
    assert engine.pid is None


def test_a_file_that_is_no_sound_is_undecodable(tmp_path: Path) -> None:
    path = tmp_path / "junk.webm"
    path.write_bytes(b"\x1a\x45\xdf\xa3" + bytes(1000))

    with pytest.raises(Undecodable):
        list(read_pieces([Segment(path, 0)]))


def test_reading_goes_on_where_it_stopped(tmp_path: Path) -> None:
    track = [
        Segment(SPEECH / "alice.ogg", 0, 25_000),
        Segment(None, 25_000, 10_000),
        Segment(SPEECH / "bob.ogg", 200_000, 25_000),
    ]
    whole = list(read_pieces(track))

    rest = list(read_pieces(track, from_ms=whole[0].end_ms, first=1))

    assert [packed(piece) for piece in rest] == [packed(piece) for piece in whole[1:]]
    assert whole[0].losses == (Loss(25_000, 10_000, "lost"),)
    assert len(whole) == 2


def _word(start_ms: int, end_ms: int) -> Word:
    return Word(text="so", start_ms=start_ms, end_ms=end_ms, probability=1.0)


@pytest.mark.parametrize(
    ("aligned", "held"),
    [
        ((0, 700), (400, 700)),
        ((700, 900), (700, 900)),
        ((900, 2400), (2000, 2400)),
        ((450, 2050), (450, 1000)),
        ((1100, 2400), (2000, 2400)),
        ((2900, 3200), (2900, 3200)),
        ((1200, 1300), (1200, 1300)),
    ],
)
def test_a_word_is_held_to_the_voice_most_of_it_lies_in(
    aligned: tuple[int, int], held: tuple[int, int]
) -> None:
    (word,) = held_to_voice([_word(*aligned)], [(400, 1000), (2000, 3000)])

    assert (word.start_ms, word.end_ms) == held


def test_words_stay_in_order_when_they_are_held_to_voice() -> None:
    words = held_to_voice([_word(900, 2400), _word(1500, 1900)], [(400, 1000), (2000, 3000)])

    assert [word.start_ms for word in words] == [2000, 2000]
