from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.sounds import Sound, beep, beeps_at, cut_off, damage, heard_at, write
from workers.transcripts.decode import BLOCK, read_file, read_timeline
from workers.transcripts.track import RATE, Loss, Segment, Undecodable


def _file(path: Path, losses: list[Loss] | None = None, dur_ms: int | None = None) -> Sound:
    return np.concatenate(
        list(read_file(path, losses if losses is not None else [], dur_ms=dur_ms))
    )


def _timeline(segments: list[Segment], losses: list[Loss], from_ms: int = 0) -> Sound:
    return np.concatenate(list(read_timeline(segments, losses, from_ms=from_ms)))


def _beeps(path: Path, starts_s: list[float], length_s: float, **how: object) -> Path:
    return write(path, beeps_at(starts_s, length_s, 48_000), **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["a.webm", "a.mkv", "a.ogg"])
def test_what_was_left_out_of_a_file_does_not_move_what_comes_after(
    tmp_path: Path, name: str
) -> None:
    path = _beeps(tmp_path / name, [1, 26], 30, holes_s=[(3, 23)])

    sound = _file(path)

    assert heard_at(sound) == [1.0, 26.0]
    assert len(sound) / RATE == pytest.approx(30, abs=0.1)


def test_a_mute_in_a_recorded_segment_is_not_called_a_loss(tmp_path: Path) -> None:
    path = _beeps(tmp_path / "a.webm", [1], 10, holes_s=[(3, 8)])
    losses: list[Loss] = []

    _file(path, losses, dur_ms=10_000)

    assert losses == []


def test_a_hole_in_a_file_nobody_vouches_for_is_reported(tmp_path: Path) -> None:
    path = _beeps(tmp_path / "a.webm", [1], 10, holes_s=[(3, 8)])
    losses: list[Loss] = []

    _file(path, losses)

    assert [loss.reason for loss in losses] == ["hole"]
    assert losses[0].start_ms == pytest.approx(3000, abs=50)
    assert losses[0].missing_ms == pytest.approx(5000, abs=50)


def test_damaged_bytes_cost_their_own_seconds_only(tmp_path: Path) -> None:
    path = damage(_beeps(tmp_path / "a.ogg", [1, 15], 20), at=0.4, count=300)
    losses: list[Loss] = []

    sound = _file(path, losses)

    assert heard_at(sound) == [1.0, 15.0]
    assert 0 < sum(loss.missing_ms for loss in losses) < 5000


def test_a_truncated_file_says_how_much_is_missing_and_keeps_its_length(tmp_path: Path) -> None:
    path = cut_off(_beeps(tmp_path / "a.webm", [1], 20), 0.4)
    losses: list[Loss] = []

    sound = _file(path, losses)

    assert len(sound) / RATE == pytest.approx(20, abs=0.1)
    assert [loss.reason for loss in losses] == ["truncated"]
    assert losses[0].start_ms + losses[0].missing_ms == pytest.approx(20_000, abs=100)


def test_a_truncated_ogg_is_reported_though_nothing_says_how_long_it_was(tmp_path: Path) -> None:
    path = cut_off(_beeps(tmp_path / "a.ogg", [1], 20), 0.4)
    losses: list[Loss] = []

    _file(path, losses)

    assert [(loss.missing_ms, loss.reason) for loss in losses] == [(0, "truncated")]


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("a.wav", {"codec": "pcm_s16le", "rate": 96_000, "layout": "7.1"}),
        ("a.wav", {"codec": "pcm_s16le", "rate": 8000}),
        ("a.flac", {"codec": "flac", "rate": 44_100, "layout": "stereo"}),
        ("a.m4a", {"codec": "aac"}),
        ("mislabelled.mp3", {"codec": "pcm_s16le"}),
    ],
)
def test_any_rate_and_layout_comes_out_the_same(
    tmp_path: Path, name: str, how: dict[str, object]
) -> None:
    rate = how.get("rate", 48_000)
    assert isinstance(rate, int)
    path = tmp_path / ("a.wav" if name == "mislabelled.mp3" else name)
    write(path, beeps_at([2], 5, rate), **how)  # type: ignore[arg-type]
    path = path.rename(tmp_path / name)

    sound = _file(path)

    assert heard_at(sound) == [2.0]
    assert len(sound) / RATE == pytest.approx(5, abs=0.1)


def test_a_playlist_is_refused_rather_than_followed(tmp_path: Path) -> None:
    target = write(tmp_path / "a.ts", beep(5, 48_000), codec="aac")
    hls, concat = tmp_path / "a.m3u8", tmp_path / "a.ffconcat"
    hls.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{target}\n#EXT-X-ENDLIST\n")
    concat.write_text(f"ffconcat version 1.0\nfile {target}\n")

    for playlist in (hls, concat, Path(f"concat:{target}|{target}")):
        with pytest.raises(Undecodable):
            _file(playlist)


def test_a_file_without_sound_is_undecodable(tmp_path: Path) -> None:
    empty, junk = tmp_path / "empty.ogg", tmp_path / "junk.webm"
    empty.write_bytes(b"")
    junk.write_bytes(bytes(range(256)) * 100)

    for path in (empty, junk, tmp_path / "absent.ogg", tmp_path):
        with pytest.raises(Undecodable):
            _file(path)


def test_a_wild_timestamp_does_not_become_hours_of_silence(tmp_path: Path) -> None:
    path = _beeps(tmp_path / "a.webm", [1, 5], 8)
    data = path.read_bytes()
    # Matroska: the timestamp of the second cluster (element E7) of this file, set far ahead.
    cluster = data.index(b"\x1f\x43\xb6\x75", data.index(b"\x1f\x43\xb6\x75") + 4)
    stamp = data.index(b"\xe7", cluster)
    size = data[stamp + 1] & 0x7F
    path.write_bytes(data[: stamp + 2] + b"\x7f" * size + data[stamp + 2 + size :])

    sound = _file(path, dur_ms=8000)

    assert len(sound) / RATE == pytest.approx(8, abs=0.2)


def test_sound_comes_in_bounded_blocks(tmp_path: Path) -> None:
    path = _beeps(tmp_path / "a.webm", [1], 100, holes_s=[(3, 98)])

    blocks = list(read_file(path, []))

    assert max(map(len, blocks)) <= BLOCK


def test_segments_lie_where_the_room_clock_puts_them(tmp_path: Path) -> None:
    early, late = _beeps(tmp_path / "0.webm", [1], 4), _beeps(tmp_path / "1.webm", [2], 4)

    sound = _timeline([Segment(late, 20_000, 4000), Segment(early, 3000, 4000)], [])

    assert heard_at(sound) == [4.0, 22.0]
    assert len(sound) == 24 * RATE


def test_starting_later_gives_the_samples_of_a_full_read(tmp_path: Path) -> None:
    segments = [
        Segment(_beeps(tmp_path / f"{n}.webm", [1, 2.5], 4), 4000 * n + 700, 4000) for n in range(4)
    ]
    whole = _timeline(segments, [])

    for from_ms in (0, 699, 5000, 12_345):
        rest = _timeline(segments, [], from_ms)

        assert np.array_equal(rest, whole[from_ms * 16 :])


def test_a_segment_that_is_gone_leaves_silence_and_a_report(tmp_path: Path) -> None:
    junk = tmp_path / "1.webm"
    junk.write_bytes(b"no sound")
    segments = [
        Segment(None, 0, 4000),
        Segment(junk, 4000, 4000),
        Segment(_beeps(tmp_path / "2.webm", [1], 4), 8000, 4000),
    ]
    losses: list[Loss] = []

    sound = _timeline(segments, losses)

    assert losses == [Loss(0, 4000, "lost"), Loss(4000, 4000, "unreadable")]
    assert heard_at(sound) == [9.0]


def test_overlapping_segments_are_not_heard_twice(tmp_path: Path) -> None:
    first, second = _beeps(tmp_path / "0.webm", [1], 4), _beeps(tmp_path / "1.webm", [2], 4)

    sound = _timeline([Segment(first, 0, 4000), Segment(second, 3000, 4000)], [])

    assert heard_at(sound) == [1.0, 5.0]
    assert len(sound) == 7 * RATE
