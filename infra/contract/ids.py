"""Names of things: UUIDv7 (RFC 9562, section 5.7), so that ids sort by the time they were made."""

from __future__ import annotations

from typing import NewType
from uuid import UUID, uuid5

from uuid_utils.compat import uuid7

TenantId = NewType("TenantId", UUID)
RoomId = NewType("RoomId", UUID)
ParticipantId = NewType("ParticipantId", UUID)
RecordingId = NewType("RecordingId", UUID)
TranscriptId = NewType("TranscriptId", UUID)
TrackId = NewType("TrackId", UUID)
ConnectionId = NewType("ConnectionId", UUID)
"One transport between a client and a media pod, or one open socket."
PodId = NewType("PodId", UUID)
"One run of a media process: a restarted pod has a new id."
SpoolId = NewType("SpoolId", UUID)
"One directory of recordings in the making. Outlives the pods that write to it."
JobId = NewType("JobId", UUID)
MessageId = NewType("MessageId", UUID)
CommandId = NewType("CommandId", UUID)
KeyId = NewType("KeyId", UUID)
"An API key, and the OAuth 2.0 client it is. Not the key."
EndpointId = NewType("EndpointId", UUID)
DeliveryId = NewType("DeliveryId", UUID)

_IDEMPOTENCY = UUID("6b0c3c1e-6b58-5b1f-9d5c-0f3a7f6f2d11")


def new_id() -> UUID:
    """A fresh UUIDv7; wrap it in the id type it is for."""
    return uuid7()


def command_id_for(tenant: str, route: str, key: str) -> CommandId:
    """The id every retry under one `Idempotency-Key` shares, so the owner sees one command."""
    return CommandId(uuid5(_IDEMPOTENCY, f"{tenant}\n{route}\n{key}"))
