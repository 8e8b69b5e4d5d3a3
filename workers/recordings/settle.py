"""When everything a recording will ever have is stored, it is put together."""

from __future__ import annotations

from datetime import datetime

from infra.bus import keys
from infra.contract.ids import RecordingId, TenantId
from infra.contract.views import RecordingState
from infra.db import jobs, recordings
from infra.db.work import Work
from workers.capture import UNDER_WAY


def settle(work: Work, recording_id: RecordingId) -> bool:
    """Order the film if nothing more is to come. Asked twice, it is made once."""
    recording = recordings.lock(work.connection, recording_id)
    if recording is None or recording.state is not RecordingState.PROCESSING:
        return False
    parts = recordings.parts(work.connection, recording_id)
    if any(part.state in UNDER_WAY for part in parts):
        return False
    order_film(work, recording_id, recording.tenant_id)
    return True


def order_film(
    work: Work,
    recording_id: RecordingId,
    tenant_id: TenantId,
    *,
    available_at: datetime | None = None,
) -> None:
    jobs.enqueue(
        work,
        "compose",
        str(recording_id),
        keys.RECORDINGS,
        {"recording_id": str(recording_id)},
        tenant_id=tenant_id,
        available_at=available_at,
    )
