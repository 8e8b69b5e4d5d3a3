from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, Engine, insert

from infra.contract.ids import ParticipantId, RecordingId, RoomId, TenantId, TrackId, TranscriptId
from infra.contract.ids import new_id as _id
from infra.contract.views import TranscriptState, Turn, Word
from infra.db import transcripts
from infra.db.tables import Recording
from infra.db.transcripts import StoredPiece

NOW = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
TRACK, OTHER_TRACK = TrackId(_id()), TrackId(_id())
_TABLES = Recording.metadata.tables


class Rows:
    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.tenant, self.room = TenantId(_id()), RoomId(_id())
        self.recording = RecordingId(_id())
        connection.execute(
            insert(_TABLES["tenants"]).values(
                id=self.tenant,
                name="Acme",
                config={},
                max_concurrent_rooms=1,
                max_recording_duration_minutes=1,
                is_active=True,
                created_at=NOW,
                updated_at=NOW,
            )
        )
        connection.execute(
            insert(_TABLES["rooms"]).values(
                id=self.room,
                tenant_id=self.tenant,
                name="room",
                config={},
                meta={},
                state="ended",
                epoch=1,
                seq=0,
                version=1,
                created_at=NOW,
                updated_at=NOW,
            )
        )
        connection.execute(
            insert(_TABLES["recordings"]).values(
                id=self.recording,
                room_id=self.room,
                tenant_id=self.tenant,
                state="ready",
                storage_provider="disk",
                download_count=0,
                started_at=NOW,
                created_at=NOW,
            )
        )

    def create(self) -> TranscriptId:
        transcript = TranscriptId(_id())
        transcripts.create(
            self.connection,
            transcript_id=transcript,
            recording_id=self.recording,
            room_id=self.room,
            tenant_id=self.tenant,
            provider="whisper",
            model="tiny",
            task="transcribe",
            language=None,
            now=NOW,
        )
        return transcript

    def complete(self, transcript: TranscriptId, *turns: Turn) -> bool:
        return transcripts.complete(
            self.connection,
            transcript,
            turns=turns,
            language="en",
            duration_seconds=2.5,
            word_count=2,
            dropped={"loop": 1},
            missing_ms=20,
            error_message=None,
            now=NOW,
        )


@pytest.fixture
def rows(engine: Engine) -> Iterator[Rows]:
    with engine.begin() as connection:
        yield Rows(connection)


def piece(n: int, text: str = "hello") -> StoredPiece:
    return StoredPiece(n, n * 1000, n * 1000 + 1000, [{"text": text}], {"loop": n}, n)


def test_what_was_said_comes_back_as_it_was(rows: Rows) -> None:
    transcript = rows.create()
    word = Word(text="héllo", start_ms=1, end_ms=2, probability=0.5)
    turn = Turn(
        speaker_id=ParticipantId(_id()),
        speaker="Zoë <b>",
        start_ms=1,
        end_ms=2,
        text="héllo",
        words=(word,),
        confidence=0.5,
    )

    assert rows.complete(transcript, turn)

    view = transcripts.get(rows.connection, rows.tenant, transcript)
    assert view is not None
    assert (view.state, view.turns, view.progress) == (TranscriptState.COMPLETED, (turn,), 1.0)
    assert (view.language, view.dropped, view.missing_ms) == ("en", {"loop": 1}, 20)
    assert view.completed_at == NOW


def test_pieces_are_kept_by_track_and_in_order(rows: Rows) -> None:
    transcript = rows.create()

    for n in (1, 0):
        transcripts.add_piece(rows.connection, transcript, TRACK, piece(n), NOW)
    transcripts.add_piece(rows.connection, transcript, OTHER_TRACK, piece(0, "other"), NOW)

    assert transcripts.pieces(rows.connection, transcript, TRACK) == [piece(0), piece(1)]


def test_a_piece_made_twice_is_kept_once(rows: Rows) -> None:
    transcript = rows.create()

    transcripts.add_piece(rows.connection, transcript, TRACK, piece(0), NOW)
    transcripts.add_piece(rows.connection, transcript, TRACK, piece(0, "again"), NOW)

    assert transcripts.pieces(rows.connection, transcript, TRACK) == [piece(0)]


def test_a_finished_transcript_stays_as_it_is(rows: Rows) -> None:
    transcript = rows.create()
    transcripts.add_piece(rows.connection, transcript, TRACK, piece(0), NOW)
    assert rows.complete(transcript)

    assert transcripts.pieces(rows.connection, transcript, TRACK) == []
    assert not rows.complete(transcript)
    assert not transcripts.process(rows.connection, transcript, progress=0.1)
    assert not transcripts.fail(rows.connection, transcript, "too late")
    view = transcripts.get(rows.connection, rows.tenant, transcript)
    assert view is not None
    assert view.state is TranscriptState.COMPLETED


def test_the_newest_of_a_recording_is_read(rows: Rows) -> None:
    first = rows.create()
    transcripts.fail(rows.connection, first, "no")
    assert not transcripts.under_way(rows.connection, rows.tenant, rows.recording)

    second = rows.create()

    assert transcripts.under_way(rows.connection, rows.tenant, rows.recording)
    newest = transcripts.of_recording(rows.connection, rows.tenant, rows.recording)
    assert newest is not None
    assert newest.id == second


def test_other_tenants_see_nothing(rows: Rows) -> None:
    transcript, stranger = rows.create(), TenantId(_id())

    assert transcripts.get(rows.connection, stranger, transcript) is None
    assert transcripts.of_recording(rows.connection, stranger, rows.recording) is None
    transcripts.delete_of_recording(rows.connection, stranger, rows.recording)

    assert transcripts.get(rows.connection, rows.tenant, transcript) is not None


def test_deleting_leaves_nothing(rows: Rows) -> None:
    transcript = rows.create()
    transcripts.add_piece(rows.connection, transcript, TRACK, piece(0), NOW)

    transcripts.delete_of_recording(rows.connection, rows.tenant, rows.recording)

    assert transcripts.get(rows.connection, rows.tenant, transcript) is None
    assert transcripts.pieces(rows.connection, transcript, TRACK) == []
