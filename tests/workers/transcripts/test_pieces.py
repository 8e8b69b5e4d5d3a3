from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from tests.support.sounds import SPEECH, Sound, silence
from workers.transcripts.decode import read_file
from workers.transcripts.pieces import JOIN_MS, MARGIN_MS, REGION_MS, WINDOW_MS, cut
from workers.transcripts.reader import packed
from workers.transcripts.track import PER_MS, RATE, Loss, Piece, Span


def loudness(samples: Sound) -> list[Span]:
    """A detector that calls every sound a voice, and ends a stretch of it after REGION_MS."""
    on = np.abs(samples) > 0.01
    edges = np.flatnonzero(np.diff(np.concatenate(([False], on, [False])).astype(np.int8)))
    most = REGION_MS * PER_MS
    return [
        (part, min(part + most, int(end)))
        for start, end in zip(edges[::2], edges[1::2], strict=True)
        for part in range(int(start), int(end), most)
    ]


def speech(spans_s: list[tuple[float, float]], length_s: float) -> Sound:
    """Something different in every sample of every span, so that nothing can be mixed up."""
    sound = silence(length_s)
    for start, end in spans_s:
        first, last = round(start * RATE), round(end * RATE)
        sound[first:last] = np.linspace(0.1 + start / 1e4, 0.1 + end / 1e4, last - first)
    return sound


def blocks(sound: Sound, size: int = 7 * RATE) -> Iterator[Sound]:
    for at in range(0, len(sound), size):
        yield sound[at : at + size]


def pieces_of(sound: Sound, losses: list[Loss] | None = None) -> list[Piece]:
    return list(cut(blocks(sound), losses if losses is not None else [], detect=loudness))


CHATTER = [(start, start + 2.5) for start in np.arange(0.5, 640, 4.0)]


def test_pieces_follow_each_other_from_the_first_sample_to_the_last() -> None:
    pieces = pieces_of(speech(CHATTER, 650))

    assert [piece.n for piece in pieces] == list(range(len(pieces)))
    assert pieces[0].start_ms == 0
    assert pieces[-1].end_ms == 650_000
    assert all(a.end_ms == b.start_ms for a, b in itertools.pairwise(pieces))
    assert max(piece.end_ms - piece.start_ms for piece in pieces) <= WINDOW_MS


def test_going_on_from_any_piece_gives_the_pieces_of_one_run() -> None:
    sound = speech([*CHATTER, (700, 740), (1900, 1905)], 2000)
    whole = pieces_of(sound)

    for piece in whole[:-1]:
        rest = cut(
            blocks(sound[piece.end_ms * PER_MS :], 1000),
            [],
            from_ms=piece.end_ms,
            first=piece.n + 1,
            detect=loudness,
        )

        assert [packed(p) for p in rest] == [packed(p) for p in whole[piece.n + 1 :]]


def test_every_sample_of_voice_is_transcribed_once_in_its_place() -> None:
    sound = speech([(1, 3), (3.2, 5), (9, 200), (230, 231), (239.9, 240.2)], 300)
    copy = silence(300)

    for piece in pieces_of(sound):
        for region in piece.regions:
            at = region.start_ms * PER_MS
            assert not copy[at : at + len(region.samples)].any()
            copy[at : at + len(region.samples)] = region.samples

    assert np.array_equal(copy, sound)


def test_a_region_fits_a_recognisers_window() -> None:
    pieces = pieces_of(speech([(0, 400)], 400))

    longest = max(r.end_ms - r.start_ms for piece in pieces for r in piece.regions)
    assert longest <= REGION_MS + 2 * MARGIN_MS


def test_a_short_pause_does_not_part_a_sentence() -> None:
    pause = JOIN_MS / 1000
    (piece,) = pieces_of(speech([(1, 2), (2 + pause / 2, 4), (4 + 2 * pause, 6)], 8))

    assert [region.voice for region in piece.regions] == [
        ((1000, 2000), (2300, 4000)),
        ((5200, 6000),),
    ]


def test_a_window_is_cut_in_silence() -> None:
    first, second = pieces_of(speech([(1, 2), (112, 125)], 140))

    assert 2000 < first.end_ms < 112_000
    assert second.regions[0].voice == ((112_000, 125_000),)


def test_hours_of_silence_are_no_work() -> None:
    asked: list[int] = []

    def detect(samples: Sound) -> list[Span]:
        asked.append(len(samples))
        return loudness(samples)

    hour = [silence(10)] * 360
    pieces = list(cut(iter([*hour, speech([(1, 2)], 3), *hour]), [], detect=detect))

    assert [len(piece.regions) for piece in pieces] == [1, 0]
    assert pieces[0].regions[0].voice == ((3_601_000, 3_602_000),)
    assert max(asked) <= WINDOW_MS * PER_MS


def test_a_track_of_nothing_is_one_empty_piece() -> None:
    (piece,) = pieces_of(silence(1))

    assert (piece.start_ms, piece.end_ms, piece.regions) == (0, 1000, ())


def test_losses_belong_to_the_piece_they_lie_in() -> None:
    losses = [Loss(1000, 10, "lost"), Loss(500_000, 10, "lost"), Loss(650_000, 5, "truncated")]

    pieces = pieces_of(speech(CHATTER, 650), losses)

    found = {loss.start_ms: piece for piece in pieces for loss in piece.losses}
    assert sorted(found) == [1000, 500_000, 650_000]
    assert found[500_000].start_ms <= 500_000 < found[500_000].end_ms
    assert found[650_000] is pieces[-1]
    assert losses == []


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_a_voice_is_found_in_real_sound(who: str) -> None:
    (piece,) = cut(read_file(SPEECH / f"{who}.ogg", []), [])

    assert len(piece.regions) == 5
    assert all(region.samples.any() for region in piece.regions)
