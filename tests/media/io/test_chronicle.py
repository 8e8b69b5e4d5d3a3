"""What a pod measures of its rooms, and has remembered."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Any

from infra.contract.commands import NoteQuality, NoteTracks, QualitySample, TrackNews
from infra.contract.ids import ParticipantId
from infra.contract.live import DropRoom, MuteTrack
from media.io import meter
from media.io.machine import Load, Machine
from tests.support.pods import HeardBus, RoomUnderTest, running_pod, until


def told_of_tracks(bus: HeardBus) -> list[TrackNews]:
    return [news for said in bus.told if isinstance(said, NoteTracks) for news in said.news]


def told_of_quality(bus: HeardBus) -> list[QualitySample]:
    return [each for said in bus.told if isinstance(said, NoteQuality) for each in said.samples]


async def heard(room: RoomUnderTest, seconds: float) -> None:
    """Let media pass, and the pod look."""
    await asyncio.sleep(seconds)
    await room.under.pod.every_second()


async def test_a_call_is_measured_while_it_lasts_and_remembered_when_it_ends(
    tmp_path: Path,
) -> None:
    async with running_pod(tmp_path) as under:
        room = await under.room()
        ann, ben = room.caller(), room.caller()
        await ann.publish("microphone", "screen")
        await ben.subscribe("audio", "video")
        await heard(room, 2.0)

        figures = under.inbox.figures[room.id]
        of = {link.participant_id: link for link in figures.links}
        assert (figures.epoch, figures.producers, figures.consumers) == (1, 2, 2)
        assert of[ann.id].incoming_bps > 10_000
        assert of[ann.id].outgoing_bps == 0
        assert of[ben.id].outgoing_bps > 10_000
        assert (of[ann.id].loss, of[ann.id].speaking, of[ben.id].speaking) == (0.0, True, False)
        assert (of[ann.id].quality, of[ann.id].rtt_ms) == (4, None)
        assert under.inbox.reports[-1].incoming_bps == figures.incoming_bps
        began = told_of_tracks(under.bus)
        assert [news.track for news in began] == list(room.tracks)
        assert all(news.ended_at is None for news in began)

        await room.order(DropRoom)
        await until(lambda: len(told_of_tracks(under.bus)) == 4, "the tracks' end")
        await until(lambda: len(told_of_quality(under.bus)) >= 2, "the last samples")

        ended = told_of_tracks(under.bus)[2:]
        assert {news.track.track_id for news in ended} == {n.track.track_id for n in began}
        assert all(news.ended_at and news.ended_at > news.began_at for news in ended)
        _check_stretches(told_of_quality(under.bus), ann.id)
        await ann.close()
        await ben.close()


async def test_samples_of_a_long_call_meet(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(meter, "SAMPLE_S", 0.3)
    async with running_pod(tmp_path) as under:
        room = await under.room()
        ann = room.caller()
        await ann.publish("microphone")
        for _ in range(3):
            await heard(room, 0.4)
        await ann.close()
        await room.order(DropRoom)
        await until(lambda: len(told_of_quality(under.bus)) >= 4, "the samples")

        _check_stretches(told_of_quality(under.bus), ann.id)


def _check_stretches(samples: list[QualitySample], who: ParticipantId) -> None:
    theirs = sorted(
        (each for each in samples if each.participant_id == who), key=lambda each: each.from_at
    )
    assert theirs
    for earlier, later in itertools.pairwise(theirs):
        assert earlier.until_at == later.from_at
    assert sum(each.packets for each in theirs) > 20
    assert sum(each.octets_in for each in theirs) > 1000


async def test_an_outage_loses_no_beginning_and_no_end(tmp_path: Path) -> None:
    async with running_pod(tmp_path) as under:
        room = await under.room()
        ann = room.caller()
        under.bus.down = True
        published = await ann.publish("microphone")
        await ann.close()
        await until(lambda: not room.tracks, "the track's end")

        under.bus.down = False
        await until(lambda: told_of_tracks(under.bus), "what happened meanwhile")

        (news,) = told_of_tracks(under.bus)
        assert news.track.track_id == published.tracks[0].track_id
        assert news.ended_at is not None
        assert told_of_quality(under.bus)


async def test_under_a_new_tenure_it_is_said_again_what_there_is(tmp_path: Path) -> None:
    async with running_pod(tmp_path) as under:
        room = await under.room()
        ann = room.caller()
        await ann.publish("microphone")
        await until(lambda: told_of_tracks(under.bus), "the beginning")

        room.epoch = 2
        await room.hold()
        await until(lambda: len(told_of_tracks(under.bus)) == 2, "the beginning, again")

        said = [each for each in under.bus.told if isinstance(each, NoteTracks)]
        assert [each.epoch for each in said] == [1, 2]
        assert said[0].news == said[1].news
        await ann.close()


async def test_it_shows_whether_a_host_muted_a_track(tmp_path: Path) -> None:
    async with running_pod(tmp_path) as under:
        room = await under.room()
        ann = room.caller()
        (track,) = (await ann.publish("microphone")).tracks
        shown = []
        for muted, by_host in ((True, True), (False, False), (True, False)):
            await room.order(
                MuteTrack,
                participant_id=ann.id,
                track_id=track.track_id,
                muted=muted,
                by_host=by_host,
            )
            shown.append((room.tracks[0].muted, room.tracks[0].muted_by_host))

        assert shown == [(True, True), (False, False), (True, False)]
        await ann.close()


def machine(proc: Path, stat: str, meminfo: str = "") -> None:
    (proc / "stat").write_text(stat)
    (proc / "meminfo").write_text(meminfo)


def test_a_machine_is_as_busy_as_its_processors_were_since_last_time(tmp_path: Path) -> None:
    memory = "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 250 kB\n"
    machine(tmp_path, "cpu  100 0 100 700 100 0 0 0 50 0\ncpu0 1 2 3\n", memory)
    looked = Machine(tmp_path)
    assert looked.read() == Load(None, 75.0)

    machine(tmp_path, "cpu  120 5 110 800 110 2 3 0 60 0\n", memory)
    cpu_percent = looked.read().cpu_percent

    assert cpu_percent is not None
    assert abs(cpu_percent - 100 * 40 / 150) < 1e-9


def test_where_nothing_can_be_read_nothing_is_said(tmp_path: Path) -> None:
    assert Machine(tmp_path).read() == Load(None, None)
    machine(tmp_path, "", "")
    assert Machine(tmp_path).read() == Load(None, None)


def test_this_machine_can_be_read() -> None:
    looked = Machine()

    looked.read()
    load = looked.read()

    assert load.memory_percent is not None
    assert 0 < load.memory_percent < 100
