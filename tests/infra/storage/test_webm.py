from __future__ import annotations

from pathlib import Path

import av
import pytest

from infra.storage.webm import CLUSTER_MS, Mended, TrackFormat, Writer, mend
from tests.support.rtp_media import tone

PACKETS = tone(3.0)


def unfinished(times_ms: list[int]) -> bytes:
    """A file as a killed writer leaves it."""
    writer = Writer(TrackFormat("OPUS"))
    return writer.head + b"".join(
        writer.add(at, PACKETS[n], keyframe=True) for n, at in enumerate(times_ms)
    )


def read(path: Path) -> tuple[float, list[int]]:
    """The length a player sees in seconds, and every packet's time in ms."""
    with av.open(str(path)) as file:
        times = [round(float(p.pts * p.time_base) * 1000) for p in file.demux() if p.size]
        return (file.duration or 0) / 1e6, times


STEADY = [n * 20 for n in range(150)]
HOLES = [0, 20, 40, 900, 2000, 2020, 70_000, 70_020, 3_700_000]


@pytest.mark.parametrize("times_ms", [STEADY, HOLES], ids=["steady", "with holes"])
def test_a_finished_file_says_what_it_holds(tmp_path: Path, times_ms: list[int]) -> None:
    writer = Writer(TrackFormat("OPUS"))
    data = bytearray(writer.head)
    for n, at in enumerate(times_ms):
        data += writer.add(at, PACKETS[n], keyframe=True)
    for offset, patch in writer.finish(times_ms[-1] + 20):
        data[offset : offset + len(patch)] = patch
    (tmp_path / "x.webm").write_bytes(data)

    assert read(tmp_path / "x.webm") == ((times_ms[-1] + 20) / 1000, times_ms)


def test_a_file_can_be_mended_wherever_it_was_cut(tmp_path: Path) -> None:
    data, path = unfinished(STEADY), tmp_path / "x.webm"
    ends = [len(unfinished(STEADY[:n])) for n in range(len(STEADY) + 1)]
    for cut in range(0, len(data), 97):
        path.write_bytes(data[:cut])

        mended = mend(path)

        whole = sum(end <= cut for end in ends[1:])
        assert mended.blocks == whole
        if whole > 1:
            assert mended.dur_ms == whole * 20
            assert read(path) == (whole * 20 / 1000, STEADY[:whole])


def test_mending_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.webm"
    path.write_bytes(unfinished(HOLES)[:-5])

    first = mend(path)
    content = path.read_bytes()

    assert mend(path) == first and path.read_bytes() == content


@pytest.mark.parametrize("torn", [bytes(4096), b"\xff" * 4096, b"\xa3\x1f\xff\xff\xff" + b"x" * 99])
def test_what_a_power_cut_left_behind_the_end_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "x.webm"
    path.write_bytes(unfinished(STEADY) + torn)

    assert mend(path) == Mended(150, 3000)
    assert read(path)[1] == STEADY


def test_clusters_are_short(tmp_path: Path) -> None:
    # Each begins with its id; players seek by them.
    data = unfinished(STEADY)

    assert data.count(b"\x1f\x43\xb6\x75") == 3000 // CLUSTER_MS
