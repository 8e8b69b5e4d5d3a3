"""Transcripts of recordings, and the finished pieces of those being made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from infra.contract.ids import RecordingId, RoomId, TenantId, TrackId, TranscriptId
from infra.contract.views import TranscriptState, TranscriptView, Turn
from infra.db.tables import Transcript
from infra.db.upsert import insert_new

_TABLES = Transcript.metadata.tables
TRANSCRIPTS = _TABLES["transcripts"]
PIECES = _TABLES["transcript_pieces"]
_RECORDINGS = _TABLES["recordings"]

_UNDER_WAY = (TranscriptState.PENDING.value, TranscriptState.PROCESSING.value)


@dataclass(frozen=True, slots=True)
class StoredPiece:
    """One finished piece of one track. Times are ms from the recording's start."""

    n: int
    start_ms: int
    end_ms: int
    segments: list[dict[str, Any]]
    dropped: dict[str, int]
    missing_ms: int


def _view(row: Row[Any]) -> TranscriptView:
    return TranscriptView(
        id=row.id,
        recording_id=row.recording_id,
        room_id=row.room_id,
        tenant_id=row.tenant_id,
        state=TranscriptState(row.state),
        provider=row.provider,
        model=row.model,
        language=row.language,
        duration_seconds=row.duration_seconds,
        word_count=row.word_count,
        turns=tuple(Turn.model_validate(turn) for turn in row.turns),
        dropped=row.dropped,
        missing_ms=row.missing_ms,
        progress=row.progress,
        error_message=row.error_message,
        created_at=row.created_at,
        completed_at=row.completed_at,
    )


def _of(tenant_id: TenantId) -> Select[Any]:
    return select(TRANSCRIPTS).where(TRANSCRIPTS.c.tenant_id == tenant_id)


# --- reading ---


def get(
    connection: Connection, tenant_id: TenantId, transcript_id: TranscriptId
) -> TranscriptView | None:
    row = connection.execute(_of(tenant_id).where(TRANSCRIPTS.c.id == transcript_id)).one_or_none()
    return _view(row) if row else None


def of_recording(
    connection: Connection, tenant_id: TenantId, recording_id: RecordingId
) -> TranscriptView | None:
    """The newest one."""
    row = connection.execute(
        _of(tenant_id)
        .where(TRANSCRIPTS.c.recording_id == recording_id)
        .order_by(TRANSCRIPTS.c.id.desc())
        .limit(1)
    ).one_or_none()
    return _view(row) if row else None


def under_way(connection: Connection, tenant_id: TenantId, recording_id: RecordingId) -> bool:
    """Whether one of the recording is being made or waits to be."""
    found = connection.execute(
        select(TRANSCRIPTS.c.id)
        .where(
            TRANSCRIPTS.c.tenant_id == tenant_id,
            TRANSCRIPTS.c.recording_id == recording_id,
            TRANSCRIPTS.c.state.in_(_UNDER_WAY),
        )
        .limit(1)
    )
    return found.first() is not None


def pieces(
    connection: Connection, transcript_id: TranscriptId, track_id: TrackId
) -> list[StoredPiece]:
    """Of one track, in order."""
    rows = connection.execute(
        select(PIECES)
        .where(PIECES.c.transcript_id == transcript_id, PIECES.c.track_id == track_id)
        .order_by(PIECES.c.n)
    )
    return [
        StoredPiece(
            n=row.n,
            start_ms=row.start_ms,
            end_ms=row.end_ms,
            segments=row.segments,
            dropped=row.dropped,
            missing_ms=row.missing_ms,
        )
        for row in rows
    ]


# --- writing ---


def hold(connection: Connection, recording_id: RecordingId) -> None:
    """Until the commit nobody else decides anything about the recording's transcripts."""
    connection.execute(
        select(_RECORDINGS.c.id).where(_RECORDINGS.c.id == recording_id).with_for_update()
    )


def create(
    connection: Connection,
    *,
    transcript_id: TranscriptId,
    recording_id: RecordingId,
    room_id: RoomId,
    tenant_id: TenantId,
    provider: str,
    model: str | None,
    task: str,
    language: str | None,
    now: datetime,
) -> None:
    connection.execute(
        insert(TRANSCRIPTS).values(
            id=transcript_id,
            recording_id=recording_id,
            room_id=room_id,
            tenant_id=tenant_id,
            state=TranscriptState.PENDING.value,
            provider=provider,
            model=model,
            task=task,
            language=language,
            turns=[],
            dropped={},
            missing_ms=0,
            progress=0.0,
            created_at=now,
        )
    )


def process(
    connection: Connection, transcript_id: TranscriptId, *, progress: float | None = None
) -> bool:
    """It is being made, and is so far along. False: it is not there any more, or is finished."""
    values: dict[str, Any] = {"state": TranscriptState.PROCESSING.value}
    if progress is not None:
        values["progress"] = progress
    changed = connection.execute(
        update(TRANSCRIPTS)
        .where(TRANSCRIPTS.c.id == transcript_id, TRANSCRIPTS.c.state.in_(_UNDER_WAY))
        .values(values)
    )
    return changed.rowcount == 1


def add_piece(
    connection: Connection,
    transcript_id: TranscriptId,
    track_id: TrackId,
    piece: StoredPiece,
    now: datetime,
) -> None:
    """Keep a finished piece. One that is there is left alone: the same sound gives the same."""
    insert_new(
        connection,
        PIECES,
        transcript_id=transcript_id,
        track_id=track_id,
        n=piece.n,
        start_ms=piece.start_ms,
        end_ms=piece.end_ms,
        segments=piece.segments,
        dropped=piece.dropped,
        missing_ms=piece.missing_ms,
        made_at=now,
    )


def complete(
    connection: Connection,
    transcript_id: TranscriptId,
    *,
    turns: Sequence[Turn],
    language: str | None,
    duration_seconds: float,
    word_count: int,
    dropped: dict[str, int],
    missing_ms: int,
    error_message: str | None,
    now: datetime,
) -> bool:
    """It is made; its pieces have served. False: it is not there any more, or was finished."""
    changed = connection.execute(
        update(TRANSCRIPTS)
        .where(TRANSCRIPTS.c.id == transcript_id, TRANSCRIPTS.c.state.in_(_UNDER_WAY))
        .values(
            state=TranscriptState.COMPLETED.value,
            turns=[turn.model_dump(mode="json") for turn in turns],
            language=language,
            duration_seconds=duration_seconds,
            word_count=word_count,
            dropped=dropped,
            missing_ms=missing_ms,
            progress=1.0,
            error_message=error_message,
            completed_at=now,
        )
    )
    if changed.rowcount:
        connection.execute(delete(PIECES).where(PIECES.c.transcript_id == transcript_id))
    return changed.rowcount == 1


def fail(connection: Connection, transcript_id: TranscriptId, error_message: str) -> bool:
    """It will not be made. False: it is not there any more, or was finished."""
    changed = connection.execute(
        update(TRANSCRIPTS)
        .where(TRANSCRIPTS.c.id == transcript_id, TRANSCRIPTS.c.state.in_(_UNDER_WAY))
        .values(state=TranscriptState.FAILED.value, error_message=error_message)
    )
    return changed.rowcount == 1


def delete_of_recording(
    connection: Connection, tenant_id: TenantId, recording_id: RecordingId
) -> None:
    """Every transcript of the recording and every piece of one."""
    mine = select(TRANSCRIPTS.c.id).where(
        TRANSCRIPTS.c.tenant_id == tenant_id, TRANSCRIPTS.c.recording_id == recording_id
    )
    connection.execute(delete(PIECES).where(PIECES.c.transcript_id.in_(mine)))
    connection.execute(delete(TRANSCRIPTS).where(TRANSCRIPTS.c.id.in_(mine)))
