from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from infra.storage.disk import DiskStore, LinkRefused
from infra.storage.port import ObjectUnknown
from infra.storage.spool import sha256_of

KEY = "rec/a/film.mp4"


@pytest.fixture
def now() -> list[float]:
    return [1_000_000.0]


@pytest.fixture
def store(tmp_path: Path, now: list[float]) -> DiskStore:
    (tmp_path / "secret").write_text("not an object")
    made = DiskStore(tmp_path / "objects", "http://x/", b"secret", clock=lambda: now[0])
    source = tmp_path / "source"
    source.write_bytes(b"film")
    made.put(KEY, source, content_type="video/mp4")
    return made


def query_of(store: DiskStore, key: str = KEY) -> dict[str, str]:
    link = store.link(key, filename="f.mp4", content_type="video/mp4", expires_s=60)
    assert link.startswith(f"http://x/files/{key}?")
    return dict(parse_qsl(urlsplit(link).query))


@pytest.mark.parametrize("name", ["expires", "filename", "type", "signature"])
def test_a_link_that_was_changed_is_refused(store: DiskStore, name: str) -> None:
    query = query_of(store)

    for changed in (
        {**query, name: query[name] + "0"},
        {n: v for n, v in query.items() if n != name},
    ):
        with pytest.raises(LinkRefused):
            store.verify(KEY, changed)
    with pytest.raises(LinkRefused):
        store.verify("rec/a/other.mp4", query)
    with pytest.raises(LinkRefused):
        store.verify(KEY, {**query, "signature": "ü"})


def test_a_link_expires(store: DiskStore, now: list[float]) -> None:
    query = query_of(store)
    now[0] += 60
    assert store.verify(KEY, query).read_bytes() == b"film"

    now[0] += 1
    with pytest.raises(LinkRefused):
        store.verify(KEY, query)


def test_a_link_to_what_was_deleted_leads_nowhere(store: DiskStore) -> None:
    query = query_of(store)
    store.delete(KEY)

    with pytest.raises(ObjectUnknown):
        store.verify(KEY, query)


@pytest.mark.parametrize(
    "key",
    [
        "../secret",
        "rec/../../secret",
        "/etc/passwd",
        "rec//a",
        "rec/a/",
        "",
        ".tmp/x",
        "rec/a/.film.mp4.json",
        "rec\\a",
        "rec/%2e%2e/x",
        "rec/a\n",
        "rec/a\0",
        "a" * 1000,
        "rec/ü",
    ],
)
def test_no_key_leads_out_of_the_store(store: DiskStore, tmp_path: Path, key: str) -> None:
    source = tmp_path / "source"

    for call in (store.head, store.open, store.delete, store.archive):
        with pytest.raises(ObjectUnknown):
            call(key)
    with pytest.raises(ObjectUnknown):
        store.put(key, source, content_type="text/plain")
    with pytest.raises(ObjectUnknown):
        store.link(key, filename="f", content_type="t", expires_s=60)
    assert (tmp_path / "secret").read_text() == "not an object"


def test_a_file_changed_behind_the_stores_back_is_measured_anew(
    store: DiskStore, tmp_path: Path
) -> None:
    target = tmp_path / "objects" / KEY
    target.write_bytes(b"another film")

    assert store.head(KEY).sha256 == sha256_of(target)
    assert store.head(KEY).size_bytes == 12
    note = json.loads((target.parent / ".film.mp4.json").read_text())
    assert note["size_bytes"] == 12


def test_what_dead_writers_left_goes_after_a_day(
    store: DiskStore, tmp_path: Path, now: list[float]
) -> None:
    left = tmp_path / "objects" / ".tmp" / "half"
    left.write_bytes(b"half a film")
    now[0] = left.stat().st_mtime + 3600
    assert store.tidy() == 0

    now[0] += 86_400

    assert store.tidy() == 1 and not left.exists()


def test_deleting_the_last_object_removes_its_folders(store: DiskStore, tmp_path: Path) -> None:
    store.delete(KEY)

    assert [p.name for p in (tmp_path / "objects").iterdir()] == [".tmp"]
