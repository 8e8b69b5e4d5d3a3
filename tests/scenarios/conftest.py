"""What whole stories need beside the fixtures everybody has."""

from __future__ import annotations

import boto3
import pytest

from tests.support.servers import S3Server


@pytest.fixture(scope="module")
def s3_settings(s3_server: S3Server) -> dict[str, str]:
    """The variables that make a stack keep its objects in a bucket of the session's S3 server."""
    keys = {"PARLEY_S3_ACCESS_KEY": "parley", "PARLEY_S3_SECRET_KEY": "parley-tests"}
    client = boto3.client(
        "s3",
        endpoint_url=s3_server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=keys["PARLEY_S3_ACCESS_KEY"],
        aws_secret_access_key=keys["PARLEY_S3_SECRET_KEY"],
    )
    client.create_bucket(Bucket="stories")
    return {
        "PARLEY_S3_ENDPOINT": s3_server.endpoint,
        "PARLEY_S3_BUCKET": "stories",
        **keys,
    }
