from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from infra.contract.ids import ParticipantId, new_id
from tests.support.captured import Take, webm
from tests.support.rtp_media import VP8, Pixel, pictures, tone
from workers.recordings import film, reels
from workers.recordings.timeline import Clip

ANN, BOB = ParticipantId(new_id()), ParticipantId(new_id())
RED, BLUE, BLACK = (200, 30, 30), (30, 30, 200), (0, 0, 0)


def clips(folder: Path, takes: Sequence[Take]) -> list[Clip]:
    found = []
    for n, take in enumerate(takes):
        path = folder / f"{n}.webm"
        path.write_bytes(webm(take))
        dur_ms = len(take.frames) * take.interval_ms
        who = f"{take.participant}/{take.kind}"
        found.append(Clip(path, take.kind, f"{n}", who, take.t0_ms, dur_ms))
    return found


class Watched:
    """A film as somebody would see and hear it."""

    def __init__(self, path: Path) -> None:
        self.pictures: list[tuple[float, NDArray[np.uint8]]] = []
        self.sound = np.zeros(48_000 * 60, np.float32)
        with av.open(str(path)) as file:
            self.codecs = {s.type: s.codec_context.name for s in file.streams}
            self.seconds = (file.duration or 0) / 1e6
            for frame in file.decode():
                if isinstance(frame, VideoFrame) and frame.time is not None:
                    self.pictures.append((frame.time, frame.to_ndarray(format="rgb24")))
                elif isinstance(frame, AudioFrame) and frame.time is not None:
                    at = max(0, round(frame.time * 48_000))
                    mono = frame.to_ndarray().mean(axis=0)
                    self.sound[at : at + len(mono)] = mono

    def colour(self, second: float, place: int, places: int = 2) -> Pixel:
        """Of the middle of a place in a row of them."""
        picture = [p for at, p in self.pictures if at <= second + 0.001][-1]
        height, width, _ = picture.shape
        x = width * (2 * place + 1) // (2 * places)
        red, green, blue = picture[height // 2, x]
        return int(red), int(green), int(blue)

    def pitch(self, second: float) -> float:
        """Of the loudest tone in the quarter second around it, in Hz; 0 for silence."""
        piece = self.sound[round((second - 0.125) * 48_000) :][:12_000]
        if np.abs(piece).max() < 0.05:
            return 0.0
        return float(np.abs(np.fft.rfft(piece)).argmax()) * 4

    def begins(self, hertz: float) -> float:
        """When a tone is first heard, to 5 ms."""
        for at in range(0, len(self.sound), 240):
            piece = self.sound[at : at + 1200]
            wave = np.exp(-2j * np.pi * hertz * np.arange(len(piece)) / 48_000)
            if abs((piece * wave).mean()) > 0.05:
                return (at + 600) / 48_000
        raise AssertionError(f"{hertz} Hz is not heard")


def make(tmp_path: Path, takes: Sequence[Take]) -> Watched:
    target = tmp_path / "film.mp4"
    *_, length = film.make(clips(tmp_path, takes), target)
    list(film.check(target, length))
    return Watched(target)


def near(colour: Pixel) -> object:
    return pytest.approx(colour, abs=40)


def test_two_people_are_seen_and_heard_while_they_are_there(tmp_path: Path) -> None:
    watched = make(
        tmp_path,
        [
            Take("audio", tone(6.0, 440), 1000, ANN),
            Take("video", pictures(VP8, 6.0, colour=lambda _: RED), 1000, ANN),
            Take("audio", tone(4.0, 1000), 5000, BOB),
            Take("video", pictures(VP8, 4.0, colour=lambda _: BLUE), 5000, BOB),
        ],
    )

    assert watched.codecs == {"video": "h264", "audio": "aac"}
    assert watched.seconds == pytest.approx(9.0, abs=0.1)
    seen = [(watched.colour(at, 0), watched.colour(at, 1)) for at in (0.5, 3.0, 6.0, 8.0)]
    assert seen == [
        (near(BLACK), near(BLACK)),
        (near(RED), near(BLACK)),
        (near(RED), near(BLUE)),
        (near(BLACK), near(BLUE)),
    ]
    assert [watched.pitch(at) for at in (0.5, 3.0, 8.0)] == [
        0.0,
        pytest.approx(440, abs=8),
        pytest.approx(1000, abs=8),
    ]


def test_lips_and_words_are_together(tmp_path: Path) -> None:
    def flash(second: float) -> Pixel:
        return RED if second >= 1.6 else BLUE

    watched = make(
        tmp_path,
        [
            Take("video", pictures(VP8, 3.0, colour=flash), 2000, ANN),
            Take("audio", tone(1.4, 440), 3600, ANN),
        ],
    )

    flashed = next(at for at, p in watched.pictures if p[p.shape[0] // 2, p.shape[1] // 2, 0] > 150)
    assert flashed == pytest.approx(3.6, abs=0.045)
    assert abs(watched.begins(440) - flashed) <= 0.08


def test_segments_join_without_a_click(tmp_path: Path) -> None:
    packets = tone(4.0, 440)
    takes = [Take("audio", packets[:100], 0, ANN), Take("audio", packets[100:], 2000, ANN)]
    found = [Clip(c.path, c.kind, "one", c.who, c.t0_ms, c.dur_ms) for c in clips(tmp_path, takes)]

    list(film.make(found, tmp_path / "film.mp4"))

    sound = Watched(tmp_path / "film.mp4").sound
    steady = np.abs(np.diff(sound[24_000:72_000])).max()
    assert np.abs(np.diff(sound[90_000:102_000])).max() < steady * 1.5


def test_a_room_without_cameras_gives_sound_alone(tmp_path: Path) -> None:
    watched = make(tmp_path, [Take("audio", tone(1.0), 500, ANN)])

    assert watched.codecs == {"audio": "aac"}
    assert watched.seconds == pytest.approx(1.5, abs=0.1)


def test_a_camera_that_turns_its_picture_is_followed(tmp_path: Path) -> None:
    watched = make(
        tmp_path,
        [
            Take("video", pictures(VP8, 1.0, size=(320, 180)), 0, ANN, (320, 180)),
            Take("video", pictures(VP8, 1.0, size=(180, 320)), 1000, ANN, (180, 320)),
        ],
    )

    wide, tall = watched.pictures[10][1], watched.pictures[-1][1]
    assert wide.shape == tall.shape
    edge = wide.shape[1] // 10
    assert wide[90, edge, 0] > 150 and tall[90, edge, 0] < 40
    assert tall[90, tall.shape[1] // 2, 0] > 150


def test_damage_costs_what_is_damaged(tmp_path: Path) -> None:
    takes = [
        Take("audio", tone(2.0), 0, ANN),
        Take("audio", tone(2.0, 1000), 2000, BOB),
        Take("video", pictures(VP8, 2.0), 0, ANN),
        Take("video", pictures(VP8, 2.0), 2000, BOB),
    ]
    found = clips(tmp_path, takes)
    found[0].path.write_bytes(b"not a film")
    data = bytearray(found[2].path.read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    found[2].path.write_bytes(data)

    list(film.make(found, tmp_path / "film.mp4"))
    list(film.check(tmp_path / "film.mp4", 4000))

    watched = Watched(tmp_path / "film.mp4")
    assert watched.pitch(1.0) == 0.0 and watched.pitch(3.0) == pytest.approx(1000, abs=8)
    assert watched.colour(3.0, 0, 1) == near((200, 40, 40))


def test_a_picture_larger_than_any_screen_is_left_out(tmp_path: Path) -> None:
    huge = Take("video", pictures(VP8, 1.0), 0, BOB, (16_000, 16_000))
    found = clips(tmp_path, [Take("video", pictures(VP8, 1.0), 0, ANN), huge])

    assert len(list(reels.pictures(found[:1]))) == 25
    assert list(reels.pictures(found[1:])) == []


def test_a_film_that_takes_long_to_look_through_is_heard_of_meanwhile(tmp_path: Path) -> None:
    make(tmp_path, [Take("audio", tone(13.0), 0, ANN)])

    told = list(film.check(tmp_path / "film.mp4", 13_000))

    assert len(told) == 3 and told == sorted(told)


def test_a_film_of_nothing_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(film.NothingToShow):
        list(film.make([], tmp_path / "film.mp4"))


def test_a_film_that_is_too_short_is_found_out(tmp_path: Path) -> None:
    make(tmp_path, [Take("audio", tone(1.0), 0, ANN)])

    with pytest.raises(film.BadFilm, match=r"lasts 1\.0 s instead of 3\.0 s"):
        list(film.check(tmp_path / "film.mp4", 3000))
