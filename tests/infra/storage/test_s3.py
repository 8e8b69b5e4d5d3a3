"""The store when the network and the server misbehave, and when we are killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest

from infra.storage.port import PART_BYTES, Checkpoint, StoreUnavailable
from infra.storage.s3 import S3Store
from infra.storage.spool import sha256_of
from tests.support.s3_proxy import Fault, S3Proxy

PARTS = 4
KEY = "rec/a/recording.mp4"
SECRETS: dict[str, Any] = {"access_key": "test", "secret_key": "test"}


@pytest.fixture
def proxy(s3_endpoint: str) -> Iterator[S3Proxy]:
    made = S3Proxy(s3_endpoint)
    yield made
    made.close()


@pytest.fixture
def bucket(s3_endpoint: str) -> str:
    name = f"test-{uuid4().hex}"
    client(s3_endpoint).create_bucket(Bucket=name)
    return name


@pytest.fixture
def store(proxy: S3Proxy, bucket: str) -> S3Store:
    return S3Store(bucket, endpoint=proxy.endpoint, **SECRETS)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    with path.open("wb") as file:
        for _ in range(PARTS - 1):
            file.write(os.urandom(PART_BYTES))
        file.write(os.urandom(1000))
    return path


def client(endpoint: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


UPLOADER = """
    import json, sys
    from pathlib import Path
    from infra.storage.s3 import S3Store

    bucket, endpoint, film, checkpoint = sys.argv[1:]
    store = S3Store(bucket, endpoint=endpoint, access_key="test", secret_key="test")
    def beat(state):
        Path(checkpoint).write_text(json.dumps(state))
    store.put("rec/a/recording.mp4", Path(film), content_type="video/mp4", beat=beat)
"""


@pytest.mark.parametrize("after_parts", [0, 2, PARTS])
def test_a_killed_upload_sends_no_more_than_a_part_again(
    store: S3Store, proxy: S3Proxy, bucket: str, film: Path, tmp_path: Path, after_parts: int
) -> None:
    reached = threading.Event()
    checkpoint = tmp_path / "checkpoint"

    def seen(method: str, path: str) -> None:
        begun = method == "POST" and "uploads" in path and after_parts == 0
        enough = "partNumber=" in path and proxy.part_bytes() >= min(
            after_parts * PART_BYTES, film.stat().st_size
        )
        if begun or (enough and after_parts):
            reached.set()
            # Nothing more gets through until the uploader is dead.
            dead.wait(20)

    dead = threading.Event()
    proxy.seen = seen
    uploader = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(UPLOADER), bucket, proxy.endpoint, film, checkpoint],
        cwd=Path(__file__).parents[3],
    )
    assert reached.wait(30)
    os.kill(uploader.pid, signal.SIGKILL)
    uploader.wait()
    proxy.seen = lambda method, path: None
    dead.set()

    resume = json.loads(checkpoint.read_text()) if checkpoint.exists() else None
    stored = store.put(KEY, film, content_type="video/mp4", resume=resume)

    again = proxy.part_bytes() - film.stat().st_size
    assert 0 <= again <= PART_BYTES
    assert stored.sha256 == sha256_of(film)
    store.fetch(KEY, tmp_path / "back")
    assert sha256_of(tmp_path / "back") == sha256_of(film)


@pytest.mark.parametrize(
    ("method", "piece", "fault"),
    [
        ("PUT", "partNumber=2", "slow down"),
        ("PUT", "partNumber=3", "lose the reply"),
        ("POST", "uploadId=", "lose the reply"),
        ("POST", "uploadId=", "answer 200 with an error"),
        ("POST", "uploads", "slow down"),
        ("HEAD", KEY, "slow down"),
    ],
)
def test_one_fault_under_way_does_not_show(
    store: S3Store, proxy: S3Proxy, film: Path, method: str, piece: str, fault: Fault
) -> None:
    proxy.faults.append((method, piece, fault))

    stored = store.put(KEY, film, content_type="video/mp4")

    assert proxy.faults == []
    assert (stored.size_bytes, stored.sha256) == (film.stat().st_size, sha256_of(film))


def test_a_download_cut_in_the_middle_is_fetched_again(
    store: S3Store, proxy: S3Proxy, film: Path, tmp_path: Path
) -> None:
    store.put(KEY, film, content_type="video/mp4")
    proxy.faults.append(("GET", KEY, "cut the body"))

    store.fetch(KEY, tmp_path / "back")

    assert proxy.faults == [] and sha256_of(tmp_path / "back") == sha256_of(film)


def test_an_upload_that_was_aborted_meanwhile_begins_anew(
    store: S3Store, s3_endpoint: str, bucket: str, film: Path
) -> None:
    kept: list[Checkpoint] = []

    class Killed(Exception):
        pass

    def beat(checkpoint: Checkpoint) -> None:
        kept.append(checkpoint)
        if len(kept) == 3:
            raise Killed

    with pytest.raises(Killed):
        store.put(KEY, film, content_type="video/mp4", beat=beat)
    client(s3_endpoint).abort_multipart_upload(
        Bucket=bucket, Key=KEY, UploadId=kept[0]["upload_id"]
    )

    assert store.put(KEY, film, content_type="video/mp4", resume=kept[-1]).sha256 == sha256_of(film)


def test_what_is_there_already_is_not_sent_again(
    store: S3Store, proxy: S3Proxy, film: Path
) -> None:
    store.put(KEY, film, content_type="video/mp4")
    sent = proxy.part_bytes()

    store.put(KEY, film, content_type="video/mp4")

    assert proxy.part_bytes() == sent


def test_uploads_nobody_resumes_are_aborted_after_a_day(
    store: S3Store, proxy: S3Proxy, bucket: str, film: Path, s3_endpoint: str
) -> None:
    def beat(_: Checkpoint) -> None:
        raise StoreUnavailable

    with pytest.raises(StoreUnavailable):
        store.put(KEY, film, content_type="video/mp4", beat=beat)

    # moto dates every upload 2010.
    fresh = datetime(2010, 11, 10, 20, 48, 33, tzinfo=UTC)
    early = S3Store(bucket, endpoint=proxy.endpoint, clock=lambda: fresh, **SECRETS)
    late = S3Store(
        bucket, endpoint=proxy.endpoint, clock=lambda: fresh + timedelta(hours=25), **SECRETS
    )
    assert early.tidy() == 0 and late.tidy() == 1
    assert "Uploads" not in client(s3_endpoint).list_multipart_uploads(Bucket=bucket)


def test_a_store_nobody_answers_for_is_unavailable(bucket: str) -> None:
    nobody = S3Store(bucket, endpoint="http://127.0.0.1:9", **SECRETS)

    with pytest.raises(StoreUnavailable):
        nobody.check()


def test_a_bucket_that_is_not_there_is_unavailable(s3_endpoint: str) -> None:
    with pytest.raises(StoreUnavailable):
        S3Store("no-such-bucket", endpoint=s3_endpoint, **SECRETS).check()
