"""What any object store promises, on files and on an S3-compatible server."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import boto3
import pytest

from infra.storage.choose import Store
from infra.storage.disk import DiskStore
from infra.storage.port import PART_BYTES, Checkpoint, ObjectUnknown
from infra.storage.s3 import S3Store
from infra.storage.spool import sha256_of

KINDS = ["disk", "s3"]


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "disk":
        return DiskStore(tmp_path / "objects", "http://files.example", b"secret")
    bucket = f"test-{uuid4().hex}"
    endpoint = request.getfixturevalue("s3_endpoint")
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keys).create_bucket(
        Bucket=bucket
    )
    return S3Store(bucket, endpoint=endpoint, access_key="test", secret_key="test")


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes], Path]:
    def make(content: bytes) -> Path:
        path = tmp_path / uuid4().hex
        path.write_bytes(content)
        return path

    return make


MakeFile = Callable[[bytes], Path]
LARGE = bytes(range(256)) * (2 * PART_BYTES // 256) + b"the end"


@pytest.mark.parametrize("content", [b"", b"small", LARGE], ids=["empty", "small", "large"])
def test_what_is_put_comes_back(
    store: Store, file: MakeFile, tmp_path: Path, content: bytes
) -> None:
    source = file(content)

    stored = store.put("rec/a/one.webm", source, content_type="video/webm")

    assert (stored.size_bytes, stored.sha256) == (len(content), sha256_of(source))
    assert store.head("rec/a/one.webm") == stored
    with store.open("rec/a/one.webm") as reader:
        assert reader.read() == content
    store.fetch("rec/a/one.webm", tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == content


def test_putting_again_replaces(store: Store, file: MakeFile) -> None:
    store.put("a/b", file(b"before"), content_type="text/plain")
    store.put("a/b", file(b"after"), content_type="text/plain")

    with store.open("a/b") as reader:
        assert reader.read() == b"after"


def test_what_is_not_there_is_unknown(store: Store, tmp_path: Path) -> None:
    for read in (store.head, store.open, store.archive):
        with pytest.raises(ObjectUnknown):
            read("rec/none")
    with pytest.raises(ObjectUnknown):
        store.fetch("rec/none", tmp_path / "fetched")
    store.delete("rec/none")


def test_a_listing_holds_what_begins_with_the_prefix(store: Store, file: MakeFile) -> None:
    for key in ("rec/a/e0001/one.webm", "rec/a/e0001/two.webm", "rec/ab/one.webm", "other/a"):
        store.put(key, file(key.encode()), content_type="video/webm")

    assert [o.key for o in store.list("rec/a/")] == ["rec/a/e0001/one.webm", "rec/a/e0001/two.webm"]
    assert {o.key: o.size_bytes for o in store.list("rec/a")}["rec/ab/one.webm"] == 15
    assert list(store.list("rec/none/")) == []
    assert list(store.folders("rec/")) == ["a", "ab"]
    assert list(store.folders("rec/none/")) == []


def test_what_is_deleted_is_gone(store: Store, file: MakeFile) -> None:
    store.put("rec/a/one", file(b"1"), content_type="text/plain")
    store.delete("rec/a/one")
    store.delete("rec/a/one")

    assert list(store.list("rec/")) == []
    with pytest.raises(ObjectUnknown):
        store.head("rec/a/one")


def test_archiving_changes_the_class_and_nothing_else(store: Store, file: MakeFile) -> None:
    before = store.put("rec/a/film.mp4", file(b"film"), content_type="video/mp4")

    archived = store.archive("rec/a/film.mp4")

    assert archived.storage_class != before.storage_class
    assert (archived.size_bytes, archived.sha256) == (before.size_bytes, before.sha256)
    assert store.archive("rec/a/film.mp4") == archived == store.head("rec/a/film.mp4")


def test_a_link_names_file_and_type_for_a_while(store: Store, file: MakeFile) -> None:
    store.put("rec/a/film.mp4", file(b"film"), content_type="video/mp4")

    link = store.link(
        "rec/a/film.mp4", filename='a"\r\nb/../ü.mp4', content_type="video/mp4", expires_s=3600
    )

    query = dict(parse_qsl(urlsplit(link).query))
    if isinstance(store, DiskStore):
        assert query["filename"] == "a_b_.._.mp4"
        assert store.verify("rec/a/film.mp4", query).read_bytes() == b"film"
    else:
        assert query["response-content-disposition"] == 'attachment; filename="a_b_.._.mp4"'
        assert (query["response-content-type"], query["X-Amz-Expires"]) == ("video/mp4", "3600")
        with urllib.request.urlopen(link) as answer:
            assert answer.read() == b"film"


def test_a_beat_that_raises_stops_the_upload(store: Store, file: MakeFile) -> None:
    class Lost(Exception):
        pass

    def beat(_: Checkpoint) -> None:
        raise Lost

    with pytest.raises(Lost):
        store.put("rec/a/film.mp4", file(LARGE), content_type="video/mp4", beat=beat)

    with pytest.raises(ObjectUnknown):
        store.head("rec/a/film.mp4")


def test_the_store_answers(store: Store) -> None:
    store.check()
    assert store.tidy() == 0


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    yield
