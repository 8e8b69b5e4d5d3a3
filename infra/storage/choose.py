"""Which store a deployment has."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from infra import secrets
from infra.settings import Settings
from infra.storage.disk import DiskStore

if TYPE_CHECKING:
    from infra.storage.s3 import S3Store

Store: TypeAlias = "DiskStore | S3Store"


def open_store(settings: Settings) -> Store:
    """S3 when a bucket is named, else files in HOME/objects with links the API serves."""
    if settings.s3_bucket is not None:
        # Loading boto3 takes a starting process a third of a second.
        from infra.storage.s3 import S3Store

        return S3Store.of(settings)
    key = secrets.load(settings).derived("links")
    return DiskStore(settings.home / "objects", settings.base_url, key)
