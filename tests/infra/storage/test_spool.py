from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.contract.ids import ParticipantId, PodId, RecordingId, RoomId, TenantId, new_id
from infra.storage.spool import (
    MANIFEST,
    BadManifest,
    Header,
    ManifestFile,
    StillWritten,
    open_spool,
    part_path,
    parts,
    read_manifest,
    repair,
    sha256_of,
    written,
)
from tests.support.captured import Take, capture
from tests.support.rtp_media import tone


@pytest.fixture
def header(tmp_path: Path) -> Header:
    return Header(
        recording=RecordingId(new_id()),
        room=RoomId(new_id()),
        tenant=TenantId(new_id()),
        epoch=3,
        pod=PodId(new_id()),
        spool=open_spool(tmp_path),
        started_at=datetime(2026, 1, 5, tzinfo=UTC),
    )


def voices(count: int) -> list[Take]:
    return [Take("audio", tone(0.2), n * 200, ParticipantId(new_id())) for n in range(count)]


def test_a_spool_has_one_id_however_many_open_it(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: open_spool(tmp_path / "s"), range(32)))

    assert ids == {open_spool(tmp_path / "s")}
    assert [p.name for p in (tmp_path / "s").iterdir()] == ["ID"]


def test_what_is_written_is_read_back(tmp_path: Path, header: Header) -> None:
    part = capture(tmp_path, header, voices(2))
    manifest = read_manifest((part / MANIFEST).read_bytes())

    assert manifest.header == header and manifest.closed and manifest.opened == []
    assert [s.t0_ms for s in manifest.segments] == [0, 200]
    assert read_manifest(written(header, manifest.segments, closed=True)) == manifest
    assert [(r, e) for r, e, _ in parts(tmp_path)] == [(header.recording, 3)]


def test_torn_and_strange_lines_cost_only_themselves(tmp_path: Path, header: Header) -> None:
    part = capture(tmp_path, header, voices(3))
    lines = (part / MANIFEST).read_bytes().split(b"\n")
    lines[2] = lines[2][:40]
    lines[4:4] = [b"", b"null", b"[]", b'{"news": "of another release"}', b"\xff\xfe"]

    manifest = read_manifest(b"\n".join(lines))

    assert len(manifest.segments) == 2 and manifest.closed


@pytest.mark.parametrize("name", ["../x.webm", "/etc/passwd", ".hidden", "a/b.webm"])
def test_a_name_that_leads_elsewhere_is_not_read(tmp_path: Path, header: Header, name: str) -> None:
    part = capture(tmp_path, header, voices(1))
    [segment] = read_manifest((part / MANIFEST).read_bytes()).segments
    forged = segment.model_copy(update={"file": name})

    assert read_manifest(written(header, [forged], closed=True)).segments == []


def test_a_manifest_without_a_header_is_none() -> None:
    for data in (b"", b"\n", b'{"closed":true}\n'):
        with pytest.raises(BadManifest):
            read_manifest(data)


def test_a_part_has_one_writer(tmp_path: Path, header: Header) -> None:
    part = part_path(tmp_path, header.recording, 1)
    writer = ManifestFile(part)

    with pytest.raises(StillWritten):
        ManifestFile(part)
    with pytest.raises(StillWritten):
        repair(part)
    writer.release()
    assert repair(part) is None


def test_a_part_left_behind_is_closed_and_what_it_held_is_listed(
    tmp_path: Path, header: Header
) -> None:
    part = capture(tmp_path, header, voices(2), killed=True)
    with (part / MANIFEST).open("ab") as file:
        file.write(b'{"track": "half a li')

    manifest = repair(part)

    assert manifest is not None and manifest.closed
    assert manifest == read_manifest((part / MANIFEST).read_bytes()) == repair(part)
    whole, mended = manifest.segments
    assert (whole.mended, mended.mended) == (False, True)
    assert (mended.t0_ms, mended.dur_ms) == (200, 180)
    assert mended.sha256 == sha256_of(part / mended.file)


def test_an_opened_segment_without_a_single_frame_leaves_nothing(
    tmp_path: Path, header: Header
) -> None:
    part = capture(tmp_path, header, voices(1), killed=True)
    [begun] = read_manifest((part / MANIFEST).read_bytes()).opened
    (part / begun.file).write_bytes((part / begun.file).read_bytes()[:150])

    manifest = repair(part)

    assert manifest is not None and manifest.segments == []
    assert [p.name for p in part.iterdir()] == [MANIFEST]
