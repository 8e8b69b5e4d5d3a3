"""How S3 is spoken to: time limits, retries, and errors as the port means them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.response import StreamingBody
from urllib3.exceptions import HTTPError

from infra.storage.port import ObjectUnknown, StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_CONFIG = Config(
    connect_timeout=3,
    read_timeout=30,
    retries={"mode": "standard", "max_attempts": 4},
    signature_version="s3v4",
    # Compatible servers need not know the newer checksums; where we send one we name it.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)
_UNKNOWN = frozenset({"404", "NoSuchKey", "NotFound"})


def make_client(
    region: str, endpoint: str | None, access_key: str | None, secret_key: str | None
) -> S3Client:
    # Names of buckets are not names of hosts on anything but the provider's own service.
    style: Literal["path", "auto"] = "path" if endpoint else "auto"
    client: S3Client = boto3.session.Session().client(
        "s3",
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=_CONFIG.merge(Config(s3={"addressing_style": style})),
    )
    return client


class NoSuchUpload(StoreUnavailable):
    pass


@contextmanager
def translated(subject: str) -> Iterator[None]:
    """Everything the client raises as what the port promises."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code"))
        if code in _UNKNOWN:
            raise ObjectUnknown(subject) from error
        kind = NoSuchUpload if code == "NoSuchUpload" else StoreUnavailable
        raise kind(f"{subject}: the store answered {code}") from error
    except (BotoCoreError, HTTPError, OSError) as error:
        raise StoreUnavailable(f"{subject}: {type(error).__name__}") from error


class Body(io.RawIOBase):
    """An object's bytes as they come in."""

    def __init__(self, key: str, body: StreamingBody) -> None:
        self._key = key
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        with translated(self._key):
            piece = self._body.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._body.close()
        super().close()
