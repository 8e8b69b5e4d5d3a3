"""Recordings taken up again from whatever is left of them."""

from __future__ import annotations

from infra.contract.commands import RecoverRecording
from infra.contract.refusals import Reason, refuse
from infra.contract.views import RecordingState, RecordingView
from infra.db import recordings
from infra.db.work import Work
from workers.capture import settle
from workers.owners import owns
from workers.recordings.upload import order_upload
from workers.tools import Tools


@owns(RecoverRecording)
def recover_recording(command: RecoverRecording, work: Work, tools: Tools) -> RecordingView:
    """Order again what is still to be done: uploads of parts that are in a spool, else the film."""
    if not recordings.lock_of(work.connection, command.tenant_id, command.recording_id):
        raise refuse(Reason.RECORDING_UNKNOWN)
    found = recordings.get(work.connection, command.tenant_id, command.recording_id)
    if found is None:
        raise refuse(Reason.RECORDING_UNKNOWN)
    if found.state is not RecordingState.PROCESSING:
        raise refuse(Reason.RECORDING_NOT_PROCESSING)
    parts = recordings.parts(work.connection, found.id)
    if not parts:
        raise refuse(Reason.NOTHING_TO_RECOVER, "no pod has written anything of it")
    for part in parts:
        if part.state != "stored":
            order_upload(work, found.id, part.epoch, part.spool_id, tenant_id=found.tenant_id)
    settle(work, found.id)
    return found
