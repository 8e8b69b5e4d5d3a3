"""Links of a store that clients reach by another address than we do."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from infra.storage.s3 import S3Store


def test_a_link_names_the_address_clients_use_and_is_signed_for_it() -> None:
    keys = {"access_key": "key", "secret_key": "secret"}
    inside = S3Store("films", endpoint="http://s3:7070", **keys)
    both = S3Store(
        "films",
        endpoint="http://s3:7070",
        public_endpoint="https://objects.example.org",
        **keys,
    )
    outside = S3Store("films", endpoint="https://objects.example.org", **keys)

    links = [
        store.link("rec/1/film.mp4", filename="f.mp4", content_type="video/mp4", expires_s=60)
        for store in (inside, both, outside)
    ]

    assert [urlsplit(link).netloc for link in links] == [
        "s3:7070",
        "objects.example.org",
        "objects.example.org",
    ]
    signatures = [parse_qs(urlsplit(link).query)["X-Amz-Signature"] for link in links]
    assert signatures[0] != signatures[1]
