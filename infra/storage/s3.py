"""Objects in an S3 bucket, spoken to through boto3.

Large files go up in parts. What a resumed upload needs is handed to the caller before the first
part leaves, and every later attempt asks the store which parts it has instead of believing us.
"""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from boto3.s3.transfer import TransferConfig

from infra.settings import Settings
from infra.storage.disk import safe_filename
from infra.storage.port import (
    PART_BYTES,
    Checkpoint,
    ObjectUnknown,
    StoredObject,
    StoreUnavailable,
)
from infra.storage.s3_client import Body, NoSuchUpload, make_client, translated
from infra.storage.spool import sha256_of

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

MAX_PARTS = 10_000
COPY_LIMIT = 5 * 1024**3
"Bytes the store copies in one request."
STALE = timedelta(hours=24)
"Age of an unfinished upload that nobody will resume."


class _Changed(Exception):
    """What the store has under this upload is not what is being sent."""


class S3Store:
    provider = "s3"

    def __init__(
        self,
        bucket: str,
        *,
        region: str = "us-east-1",
        endpoint: str | None = None,
        public_endpoint: str | None = None,
        access_key: str | None = None,
        secret_key: str | None = None,
        archive_class: str = "GLACIER",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Without keys, boto3's own search for credentials applies.

        `public_endpoint` is what links name, where clients reach the store by another address.
        """
        self._bucket = bucket
        self._archive_class = archive_class
        self._clock = clock
        self._client = make_client(region, endpoint, access_key, secret_key)
        # The host is signed, so a link for another address is made by a client of that address.
        self._linker = (
            make_client(region, public_endpoint, access_key, secret_key)
            if public_endpoint
            else self._client
        )

    @classmethod
    def of(cls, settings: Settings) -> S3Store:
        """The store that settings name. Raises ValueError when they name none."""
        if settings.s3_bucket is None:
            raise ValueError("no bucket is configured")
        access, secret = settings.s3_access_key, settings.s3_secret_key
        return cls(
            settings.s3_bucket,
            region=settings.s3_region,
            endpoint=settings.s3_endpoint,
            public_endpoint=settings.s3_public_endpoint,
            access_key=access.get_secret_value() if access else None,
            secret_key=secret.get_secret_value() if secret else None,
            archive_class=settings.s3_archive_class,
        )

    def put(
        self,
        key: str,
        path: Path,
        *,
        content_type: str,
        resume: Checkpoint | None = None,
        beat: Callable[[Checkpoint], None] = lambda _: None,
    ) -> StoredObject:
        size, digest = path.stat().st_size, sha256_of(path)
        there = self._find(key)
        if there is not None and (there.size_bytes, there.sha256) == (size, digest):
            return there
        if size <= PART_BYTES:
            self._put_whole(key, path, content_type, digest)
        else:
            self._put_parts(key, path, content_type, digest, resume or {}, beat)
        stored = self.head(key)
        if (stored.size_bytes, stored.sha256) != (size, digest):
            raise StoreUnavailable(f"{key}: what is stored is not what was sent")
        return stored

    def head(self, key: str) -> StoredObject:
        with translated(key):
            found = self._client.head_object(Bucket=self._bucket, Key=key)
        return StoredObject(
            key,
            found["ContentLength"],
            found.get("Metadata", {}).get("sha256"),
            found.get("StorageClass", "STANDARD"),
        )

    def open(self, key: str) -> BinaryIO:
        with translated(key):
            body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
        return io.BufferedReader(Body(key, body))

    def fetch(self, key: str, path: Path) -> None:
        expected = self.head(key)
        # One more try for a connection cut in the middle; further ones belong to the caller.
        for last in (False, True):
            with self.open(key) as source, path.open("wb") as target:
                try:
                    shutil.copyfileobj(source, target, 1024 * 1024)
                except StoreUnavailable:
                    if last:
                        raise
                    continue
            if path.stat().st_size == expected.size_bytes and (
                expected.sha256 is None or sha256_of(path) == expected.sha256
            ):
                return
        raise StoreUnavailable(f"{key}: what came back is not what was stored")

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Checksums are not part of a listing: `sha256` is None."""
        with translated(prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix
            )
            for page in pages:
                for found in page.get("Contents", []):
                    yield StoredObject(
                        found["Key"], found["Size"], None, found.get("StorageClass", "STANDARD")
                    )

    def folders(self, prefix: str) -> Iterator[str]:
        with translated(prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix, Delimiter="/"
            )
            for page in pages:
                for found in page.get("CommonPrefixes", []):
                    yield found["Prefix"][len(prefix) : -1]

    def delete(self, key: str) -> None:
        with translated(key):
            self._client.delete_object(Bucket=self._bucket, Key=key)

    def archive(self, key: str) -> StoredObject:
        with translated(key):
            found = self._client.head_object(Bucket=self._bucket, Key=key)
            if found.get("StorageClass", "STANDARD") != self._archive_class:
                # A copy in parts does not carry these over by itself.
                self._client.copy(
                    {"Bucket": self._bucket, "Key": key},
                    self._bucket,
                    key,
                    ExtraArgs={
                        "StorageClass": self._archive_class,
                        "MetadataDirective": "REPLACE",
                        "Metadata": found.get("Metadata", {}),
                        "ContentType": found.get("ContentType", "application/octet-stream"),
                    },
                    Config=TransferConfig(
                        multipart_threshold=COPY_LIMIT, multipart_chunksize=COPY_LIMIT // 8
                    ),
                )
        return self.head(key)

    def link(self, key: str, *, filename: str, content_type: str, expires_s: int) -> str:
        return self._linker.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._bucket,
                "Key": key,
                "ResponseContentDisposition": f'attachment; filename="{safe_filename(filename)}"',
                "ResponseContentType": content_type,
            },
            ExpiresIn=expires_s,
        )

    def check(self) -> None:
        try:
            with translated(self._bucket):
                self._client.head_bucket(Bucket=self._bucket)
        except ObjectUnknown as error:
            raise StoreUnavailable(f"there is no bucket {self._bucket}") from error

    def tidy(self) -> int:
        """Abort uploads that nobody will resume: the store charges for their parts. How many."""
        oldest = self._clock() - STALE
        aborted = 0
        with translated(self._bucket):
            pages = self._client.get_paginator("list_multipart_uploads").paginate(
                Bucket=self._bucket
            )
            for page in pages:
                for upload in page.get("Uploads", []):
                    if upload["Initiated"] < oldest:
                        self._abort(upload["Key"], upload["UploadId"])
                        aborted += 1
        return aborted

    def _find(self, key: str) -> StoredObject | None:
        try:
            return self.head(key)
        except ObjectUnknown:
            return None

    def _put_whole(self, key: str, path: Path, content_type: str, digest: str) -> None:
        with translated(key):
            self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=path.read_bytes(),
                ContentType=content_type,
                ChecksumSHA256=base64.b64encode(bytes.fromhex(digest)).decode(),
                Metadata={"sha256": digest},
            )

    def _put_parts(
        self,
        key: str,
        path: Path,
        content_type: str,
        digest: str,
        resume: Checkpoint,
        beat: Callable[[Checkpoint], None],
    ) -> None:
        upload_id = None
        if (resume.get("key"), resume.get("sha256")) == (key, digest):
            upload_id = str(resume["upload_id"])
        try:
            self._send(key, path, content_type, digest, upload_id, beat)
        except _Changed:
            # The upload we meant to resume is gone or holds something else.
            self._send(key, path, content_type, digest, None, beat)

    def _send(
        self,
        key: str,
        path: Path,
        content_type: str,
        digest: str,
        upload_id: str | None,
        beat: Callable[[Checkpoint], None],
    ) -> None:
        sent = self._parts_there(key, upload_id) if upload_id else {}
        if upload_id is None:
            with translated(key):
                upload_id = self._client.create_multipart_upload(
                    Bucket=self._bucket,
                    Key=key,
                    ContentType=content_type,
                    Metadata={"sha256": digest},
                )["UploadId"]
        checkpoint = {"key": key, "sha256": digest, "upload_id": upload_id}
        # Persisted before the first part: a killed upload is found again.
        beat(checkpoint)
        parts: list[CompletedPartTypeDef] = []
        size = max(PART_BYTES, -(-path.stat().st_size // MAX_PARTS))
        with path.open("rb") as file:
            for number in range(1, MAX_PARTS + 1):
                body = file.read(size)
                if not body:
                    break
                md5 = hashlib.md5(body, usedforsecurity=False)
                etag = f'"{md5.hexdigest()}"'
                if sent.get(number) != (len(body), etag):
                    etag = self._send_part(key, upload_id, number, body, md5.digest())
                    beat(checkpoint)
                parts.append({"PartNumber": number, "ETag": etag})
        self._complete(key, upload_id, parts, digest, path.stat().st_size)

    def _parts_there(self, key: str, upload_id: str) -> dict[int, tuple[int, str]]:
        try:
            with translated(key):
                pages = self._client.get_paginator("list_parts").paginate(
                    Bucket=self._bucket, Key=key, UploadId=upload_id
                )
                return {
                    part["PartNumber"]: (part["Size"], part["ETag"])
                    for page in pages
                    for part in page.get("Parts", [])
                }
        except NoSuchUpload as error:
            raise _Changed from error

    def _send_part(self, key: str, upload_id: str, number: int, body: bytes, md5: bytes) -> str:
        try:
            with translated(key):
                return self._client.upload_part(
                    Bucket=self._bucket,
                    Key=key,
                    UploadId=upload_id,
                    PartNumber=number,
                    Body=body,
                    ContentMD5=base64.b64encode(md5).decode(),
                )["ETag"]
        except NoSuchUpload as error:
            raise StoreUnavailable(f"{key}: the upload was aborted under way") from error

    def _complete(
        self,
        key: str,
        upload_id: str,
        parts: Sequence[CompletedPartTypeDef],
        digest: str,
        size: int,
    ) -> None:
        try:
            with translated(key):
                # An error in a 200 answer is raised by botocore like any other.
                self._client.complete_multipart_upload(
                    Bucket=self._bucket,
                    Key=key,
                    UploadId=upload_id,
                    MultipartUpload={"Parts": parts},
                )
        except NoSuchUpload as error:
            # Completed before, and the answer was lost; or aborted.
            there = self._find(key)
            if there is None or (there.size_bytes, there.sha256) != (size, digest):
                raise StoreUnavailable(f"{key}: the upload was aborted under way") from error

    def _abort(self, key: str, upload_id: str) -> None:
        try:
            with translated(key):
                self._client.abort_multipart_upload(
                    Bucket=self._bucket, Key=key, UploadId=upload_id
                )
        except NoSuchUpload:
            pass  # gone already
