from __future__ import annotations

import asyncio
import base64
import dataclasses
import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import Engine, select, update

from infra.contract import commands
from infra.contract.commands import CreateEndpoint, DeliveryView, EndpointView
from infra.contract.ids import EndpointId, RecordingId, TranscriptId, new_id
from infra.contract.views import RoomView, TenantConfig, TenantView, Turn
from infra.contract.webhooks import SEALED_FOR
from infra.db import recordings, transcripts, webhooks
from infra.db.sending import Claimed
from infra.db.webhooks import DELIVERIES
from infra.net import Outbound
from infra.secrets import Secrets, load
from infra.settings import Settings
from infra.storage.port import ObjectStore
from tests.support.house import House
from tests.support.receivers import Receiver, receiving
from workers.tools import Tools, utc_now
from workers.transcription import PROVIDER
from workers.webhooks import attempts, courier
from workers.webhooks import endpoints as _endpoints  # noqa: F401 - registers its owners


class Links:
    """Stands where an object store would, for who only wants links."""

    provider = "links"

    def link(self, key: str, *, filename: str, content_type: str, expires_s: int) -> str:
        return f"https://store.example/{key}?expires={expires_s}"


class Post:
    """A tenant with a meeting, and whatever is sent about it."""

    def __init__(self, house: House, home: Path, redis_url: str, receiver: Receiver) -> None:
        settings = Settings(
            _env_file=None, home=home, redis_url=redis_url, allow_private_urls="127.0.0.1"
        )
        self.house = house
        self.house.tools = dataclasses.replace(house.tools, settings=settings)
        self.secrets: Secrets = load(settings)
        self.receiver = receiver
        self.tools: Tools = dataclasses.replace(
            house.tools, now=utc_now, store=cast(ObjectStore, Links())
        )
        self.tenant: TenantView = house.tenant()
        self.room: RoomView = house.room(self.tenant, "Physics")

    # --- endpoints ---

    def endpoint(
        self,
        *events: str,
        url: str | None = None,
        secret: str | None = None,
        tenant: TenantView | None = None,
    ) -> EndpointView:
        made = self.creation(url or self.receiver.url, *events, secret=secret, tenant=tenant)
        return self.house.do(made)

    def creation(
        self,
        url: str,
        *events: str,
        secret: str | None = None,
        tenant: TenantView | None = None,
    ) -> CreateEndpoint:
        return CreateEndpoint(
            tenant_id=(tenant or self.tenant).id,
            endpoint_id=EndpointId(new_id()),
            url=url,
            events=events,
            secret_sealed=self.sealed(secret or new_secret()),
        )

    def sealed(self, secret: str) -> str:
        return self.secrets.seal(SEALED_FOR, secret)

    def seen(self, endpoint: EndpointView) -> EndpointView:
        with self.house.engine.connect() as connection:
            found = webhooks.get(connection, endpoint.tenant_id, endpoint.id)
        assert found is not None
        return found

    # --- what there is to tell ---

    def say(
        self, kind: str, data: dict[str, Any] | None = None, room: RoomView | None = None
    ) -> int:
        """Write an event of the room."""
        room = room or self.room
        with self.house.begin() as work:
            return work.event(room.id, room.tenant_id, kind, data or {})

    def recorded(self) -> RecordingId:
        """A recording of the room is ready."""
        recording_id = RecordingId(new_id())
        with self.house.begin() as work:
            recordings.start(
                work.connection,
                recording_id=recording_id,
                tenant_id=self.tenant.id,
                room_id=self.room.id,
                storage_provider="links",
                now=work.now,
            )
            recordings.stop(work.connection, self.tenant.id, recording_id, work.now)
            recordings.complete(
                work.connection,
                recording_id,
                object_key=f"{recording_id}.mp4",
                sha256=None,
                size_bytes=1000,
                duration_seconds=61.5,
                error_message=None,
            )
            work.event(
                self.room.id,
                self.tenant.id,
                "recording.ready",
                {"recording_id": str(recording_id)},
            )
        return recording_id

    def transcribed(
        self, recording_id: RecordingId, *turns: Turn, failed: str | None = None
    ) -> None:
        """Its transcript is ready, or will not be."""
        transcript_id = TranscriptId(new_id())
        with self.house.begin() as work:
            transcripts.create(
                work.connection,
                transcript_id=transcript_id,
                recording_id=recording_id,
                room_id=self.room.id,
                tenant_id=self.tenant.id,
                provider=PROVIDER,
                model="tiny",
                task="transcribe",
                language="en",
                now=work.now,
            )
            if failed is not None:
                transcripts.fail(work.connection, transcript_id, failed)
            else:
                transcripts.complete(
                    work.connection,
                    transcript_id,
                    turns=turns,
                    language="en",
                    duration_seconds=61.5,
                    word_count=sum(len(turn.text.split()) for turn in turns),
                    dropped={},
                    missing_ms=0,
                    error_message=None,
                    now=work.now,
                )
            news = {"transcript_id": str(transcript_id), "recording_id": str(recording_id)}
            kind = "transcript.failed" if failed else "transcript.ready"
            work.event(self.room.id, self.tenant.id, kind, news)

    # --- sending ---

    def claim(self, lease_s: float = courier.LEASE_S) -> list[Claimed]:
        return attempts.claim_due(
            self.house.engine, room={}, usual=100, at_most=100, lease_s=lease_s
        )

    def send(self, claimed: Claimed, allowed: str = "127.0.0.1") -> attempts.Sent:
        letter = attempts.prepare(claimed, self.tools, self.secrets)
        return asyncio.run(attempts.send(letter, Outbound(allowed), self.tools))

    def deliver(self) -> None:
        """Send all that is due, and what that makes due."""
        while claimed := self.claim():
            for one in claimed:
                attempts.record(one, self.send(one), self.tools)

    def turn(self, **how_long: float) -> None:
        """Turn the clock on: what was due in an hour is due now."""
        by = timedelta(**how_long)
        with self.house.engine.begin() as connection:
            for row in connection.execute(select(DELIVERIES)).all():
                connection.execute(
                    update(DELIVERIES)
                    .where(DELIVERIES.c.id == row.id)
                    .values(
                        next_attempt_at=row.next_attempt_at and row.next_attempt_at - by,
                        lease_until=row.lease_until and row.lease_until - by,
                    )
                )

    def wait_s(self, delivery: DeliveryView) -> float:
        """Seconds until it is next tried."""
        assert delivery.next_attempt_at is not None
        return (delivery.next_attempt_at - utc_now()).total_seconds()

    # --- what came of it ---

    def log(self, endpoint: EndpointView) -> list[DeliveryView]:
        """Oldest first."""
        with self.house.engine.connect() as connection:
            found = webhooks.deliveries(
                connection, endpoint.tenant_id, endpoint.id, state=None, before=None, limit=1000
            )
        return found[::-1]

    def heard(self) -> list[dict[str, Any]]:
        return [json.loads(heard.body) for heard in self.receiver.heard]

    def seqs(self) -> list[int]:
        return [told["data"]["seq"] for told in self.heard()]

    def again(self, delivery: DeliveryView) -> DeliveryView:
        return self.house.do(
            commands.Redeliver(tenant_id=delivery.tenant_id, delivery_id=delivery.id)
        )


def new_secret() -> str:
    return "whsec_" + base64.b64encode(os.urandom(32)).decode()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def post(engine: Engine, redis_url: str, tmp_path: Path, receiver: Receiver) -> Iterator[Post]:
    house = House(engine, redis_url)
    yield Post(house, tmp_path, redis_url, receiver)
    house.redis.close()


@pytest.fixture
def untranscribed(post: Post) -> Post:
    """A tenant that has nothing transcribed."""
    post.tenant = post.house.tenant(TenantConfig(transcription_enabled=False))
    post.room = post.house.room(post.tenant, "Physics")
    return post
