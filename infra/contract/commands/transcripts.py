"""Transcripts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from infra.contract.ids import RecordingId, RoomId, TenantId, TranscriptId
from infra.contract.messages import Command
from infra.contract.views import TranscriptView


class RequestTranscript(Command[TranscriptView]):
    kind: Literal["transcript.request"] = "transcript.request"
    tenant_id: TenantId
    recording_id: RecordingId
    transcript_id: TranscriptId
    room_id: RoomId | None = None
    "Checked against the recording's when given."
    provider: str | None = None
    language: str | None = Field(default=None, min_length=2, max_length=16)
    model: str | None = Field(default=None, min_length=1, max_length=200)
    task: Literal["transcribe", "translate"] = "transcribe"
