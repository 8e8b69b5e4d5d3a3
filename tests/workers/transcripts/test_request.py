from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra.bus import keys
from infra.contract.commands import RequestTranscript, StartRecording
from infra.contract.ids import RecordingId, RoomId, TenantId, TranscriptId, new_id
from infra.contract.refusals import Reason
from infra.contract.views import TenantConfig, TranscriptState
from infra.db import transcripts
from tests.support.archive import Archive
from tests.support.house import House
from workers import transcription
from workers.transcription import TranscribeOrder


def asking(archive: Archive, **more: Any) -> RequestTranscript:
    fields = {
        "tenant_id": archive.tenant.id,
        "recording_id": archive.recording_id,
        "transcript_id": TranscriptId(new_id()),
    }
    return RequestTranscript(**fields | more)


def bells(house: House) -> list[str]:
    return [left.key for left in house.sent if left.topic == "bell"]


def test_a_whole_recording_is_transcribed_when_asked_for(archive: Archive) -> None:
    archive.close()

    view = archive.house.do(asking(archive, room_id=archive.room.id, language="en-GB"))

    assert view.state is TranscriptState.PENDING
    assert (view.provider, view.model, view.language) == ("whisper", "tiny-whisper", "en-GB")
    assert bells(archive.house) == [keys.TRANSCRIPTS]
    order = TranscribeOrder.model_validate(archive.job(view.id).payload)
    assert (order.language, order.task) == ("en-GB", "transcribe")


def test_the_tenants_language_and_spellings_are_used(house: House, tmp_path: Path) -> None:
    config = TenantConfig(transcription_language="auto", transcription_keywords=("Parley",))
    archive = Archive(house, tmp_path, config)
    archive.close()

    view = house.do(asking(archive))

    order = TranscribeOrder.model_validate(archive.job(view.id).payload)
    assert (order.language, order.keywords) == (None, ("Parley",))


def test_the_same_request_again_is_the_same_transcript(archive: Archive) -> None:
    archive.close()
    command = asking(archive)

    assert archive.house.do(command) == archive.house.do(command)
    assert bells(archive.house) == [keys.TRANSCRIPTS]


def test_a_recording_is_transcribed_once_at_a_time_and_again_later(archive: Archive) -> None:
    archive.close()
    first = archive.house.do(asking(archive))

    assert archive.house.refusal(asking(archive)) is Reason.TRANSCRIPTION_RUNNING

    with archive.house.begin() as work:
        transcripts.fail(work.connection, first.id, "no")
    assert archive.house.refusal(asking(archive)) is None


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"recording_id": RecordingId(new_id())}, Reason.RECORDING_UNKNOWN),
        ({"tenant_id": TenantId(new_id())}, Reason.RECORDING_UNKNOWN),
        ({"room_id": RoomId(new_id())}, Reason.UNUSABLE),
        ({"provider": "elsewhere"}, Reason.PROVIDER_UNKNOWN),
        ({"model": "../../etc"}, Reason.UNUSABLE),
    ],
)
def test_what_there_is_not_is_refused(
    archive: Archive, more: dict[str, Any], reason: Reason
) -> None:
    archive.close()

    assert archive.house.refusal(asking(archive, **more)) is reason


def test_another_tenants_recording_is_unknown(archive: Archive) -> None:
    archive.close()
    stranger = archive.house.tenant()

    refused = archive.house.refusal(asking(archive, tenant_id=stranger.id))

    assert refused is Reason.RECORDING_UNKNOWN


def test_a_recording_in_the_making_is_not_ready(archive: Archive) -> None:
    assert archive.house.refusal(asking(archive)) is Reason.RECORDING_NOT_READY


def test_a_tenant_may_do_without(house: House, tmp_path: Path) -> None:
    archive = Archive(house, tmp_path, TenantConfig(transcription_enabled=False))
    recording = archive.close()

    assert house.refusal(asking(archive)) is Reason.TRANSCRIPTION_DISABLED
    with house.begin() as work:
        begun = transcription.start_if_wanted(
            work, recording, archive.tenant.config, house.tools.settings
        )
    assert begun is None


def test_a_recording_that_became_whole_twice_has_one_transcript(archive: Archive) -> None:
    recording = archive.close()

    begun = []
    for _ in range(2):
        with archive.house.begin() as work:
            begun.append(
                transcription.start_if_wanted(
                    work, recording, archive.tenant.config, archive.house.tools.settings
                )
            )

    assert begun[0] is not None
    assert begun[0] == begun[1]
    assert bells(archive.house) == [keys.TRANSCRIPTS]


def test_transcripts_go_with_their_recording(archive: Archive) -> None:
    archive.close()
    view = archive.house.do(asking(archive))

    with archive.house.begin() as work:
        transcripts.delete_of_recording(work.connection, archive.tenant.id, archive.recording_id)

    with archive.house.engine.connect() as connection:
        assert transcripts.get(connection, archive.tenant.id, view.id) is None


def test_a_second_recording_has_its_own(archive: Archive) -> None:
    archive.close()
    archive.house.do(asking(archive))
    other = RecordingId(new_id())
    archive.house.do(
        StartRecording(tenant_id=archive.tenant.id, room_id=archive.room.id, recording_id=other)
    )

    refused = archive.house.refusal(asking(archive, recording_id=other))

    assert refused is Reason.RECORDING_NOT_READY
