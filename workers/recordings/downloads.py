"""Who was given a link to which recording."""

from __future__ import annotations

from infra.contract.commands import CountDownload
from infra.contract.messages import Done
from infra.db import audit, recordings
from infra.db.work import Work
from workers.owners import owns
from workers.tools import Tools


@owns(CountDownload)
def count_download(command: CountDownload, work: Work, tools: Tools) -> Done:
    """Also of one that was deleted since: the link had been given."""
    if recordings.lock_of(work.connection, command.tenant_id, command.recording_id):
        recordings.count_download(work.connection, command.recording_id)
        audit.write(
            work.connection,
            command.tenant_id,
            "recording.downloaded",
            str(command.recording_id),
            command.actor,
            command.at,
        )
    return Done()
