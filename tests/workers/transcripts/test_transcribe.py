from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.contract.commands import RequestTranscript, UpdateTenant
from infra.contract.ids import TranscriptId, new_id
from infra.contract.views import TranscriptState, TranscriptView
from infra.db import transcripts
from infra.db.jobs import LeaseLost, SetAside
from infra.storage.disk import DiskStore
from infra.storage.port import StoreUnavailable
from tests.support.archive import Archive
from tests.support.engines import Killed, StubEngine
from tests.support.sounds import SPEECH
from workers.child import ChildDied
from workers.labour import labour
from workers.transcription import MAX_ATTEMPT
from workers.transcripts.engine import CannotTranscribe, Engines, ModelUnavailable
from workers.transcripts.reader import survivors
from workers.transcripts.track import Loss, Piece, Region, Segment
from workers.transcripts.transcribe import ENGINES, UNHEARD, give_up, make_transcript

TRUTH: list[dict[str, Any]] = json.loads((SPEECH / "dialogue.json").read_text(encoding="utf-8"))
ALICE, BOB = SPEECH / "alice.ogg", SPEECH / "bob.ogg"
LONG = [(ALICE, n * 120_000, 25_000) for n in range(3)]
"Nearly five minutes: three pieces."


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database will do here: what is written is tested on both beside the queries."""
    return sqlite_url


def ask(archive: Archive, language: str | None = None) -> TranscriptId:
    view = archive.house.do(
        RequestTranscript(
            tenant_id=archive.tenant.id,
            recording_id=archive.recording_id,
            transcript_id=TranscriptId(new_id()),
            language=language,
        )
    )
    return view.id


def half_a_minute(archive: Archive) -> TranscriptId:
    archive.speak("Alice", LONG[:1])
    archive.close()
    return ask(archive)


def attempt(archive: Archive, wanted: TranscriptId, engine: Any) -> TranscriptView:
    """A worker takes the job and does what it can."""
    make_transcript(archive.job(wanted), archive.tools, Engines(lambda _: engine))
    return archive.transcript(wanted)


def five_minutes(archive: Archive) -> TranscriptId:
    archive.speak("Alice", LONG)
    archive.close()
    return ask(archive)


def test_everybodys_words_stand_under_their_own_name(archive: Archive) -> None:
    # Bob's track begins 3 s later, and so does everything in it.
    seats = {
        "alice": archive.speak("Alice", [(ALICE, 0, 25_000)]),
        "bob": archive.speak("Bob", [(BOB, 3000, 25_000)]),
    }
    archive.close()
    wanted = ask(archive, "en-US")
    job = archive.job(wanted)

    try:
        make_transcript(job, archive.tools, ENGINES)
    finally:
        ENGINES.close()

    view = archive.transcript(wanted)
    assert view.state is TranscriptState.COMPLETED
    spoken = [(turn.speaker_id, turn.speaker, turn.text) for turn in view.turns]
    late = {"alice": 0, "bob": 3000}
    told = sorted(TRUTH, key=lambda line: line["start_ms"] + late[line["speaker"]])
    assert spoken == [
        (seats[line["speaker"]], line["speaker"].title(), line["text"]) for line in told
    ]
    for turn, line in zip(view.turns, told, strict=True):
        assert turn.start_ms == pytest.approx(line["start_ms"] + late[line["speaker"]], abs=200)
    assert view.word_count == sum(len(line["text"].split()) for line in TRUTH)
    assert (view.language, view.missing_ms, view.error_message) == ("en", 0, None)
    assert view.duration_seconds == 28.0


def test_who_listens_hears_that_a_transcript_is_ready(archive: Archive) -> None:
    wanted = half_a_minute(archive)

    attempt(archive, wanted, StubEngine())

    event = archive.house.log(archive.room)[-1]
    assert (event.kind, event.data) == (
        "transcript.ready",
        {"transcript_id": str(wanted), "recording_id": str(archive.recording_id)},
    )


@pytest.mark.parametrize(
    ("wanted", "text"), [(True, "what the f*** is this"), (False, "what the fuck is this")]
)
def test_swear_words_are_struck_out_where_the_tenant_has_it_so(
    archive: Archive, wanted: bool, text: str
) -> None:
    config = {"transcription_profanity_filter": wanted}
    archive.house.do(UpdateTenant(tenant_id=archive.tenant.id, config=config))
    engine = StubEngine(say=lambda _: "what the fuck is this")

    view = attempt(archive, half_a_minute(archive), engine)

    assert {word for turn in view.turns for word in turn.text.split()} == set(text.split())


def test_a_worker_killed_again_and_again_costs_one_piece_each_time(archive: Archive) -> None:
    undisturbed = StubEngine()
    before = attempt(archive, five_minutes(archive), undisturbed)

    wanted = ask(archive)
    engine = StubEngine(kills={0, 1, 3, 5, 6})
    for _ in range(5):
        with pytest.raises(Killed):
            attempt(archive, wanted, engine)
    view = attempt(archive, wanted, engine)

    assert (view.state, view.turns) == (TranscriptState.COMPLETED, before.turns)
    assert len(undisturbed.calls) == 3
    assert len(engine.calls) == 3 + 5


def test_progress_is_seen_while_it_is_made(archive: Archive) -> None:
    wanted = five_minutes(archive)
    with pytest.raises(Killed):
        attempt(archive, wanted, StubEngine(kills={2}))

    view = archive.transcript(wanted)

    assert view.state is TranscriptState.PROCESSING
    assert 0.5 < view.progress < 1.0


def test_a_language_is_found_once_for_a_track_and_kept_to(archive: Archive) -> None:
    archive.speak("Alice", LONG)
    archive.close()
    wanted = ask(archive, "auto")
    engine = StubEngine(kills={1})

    with pytest.raises(Killed):
        attempt(archive, wanted, engine)
    view = attempt(archive, wanted, engine)

    assert engine.languages == [None, "en", "en", "en"]
    assert view.language == "en"


def test_a_piece_the_recogniser_dies_of_is_left_out_and_said_to_be(archive: Archive) -> None:
    wanted = five_minutes(archive)
    engine = StubEngine(deaths={1, 2, 3, 4})
    with pytest.raises(ChildDied):
        attempt(archive, wanted, engine)

    view = attempt(archive, wanted, engine)

    poison = engine.calls[1]
    assert view.state is TranscriptState.COMPLETED
    assert view.dropped == {UNHEARD: len(poison.regions)}
    assert view.missing_ms == poison.sound_ms
    assert view.error_message == f"{poison.sound_ms / 1000:.1f} s of sound could not be heard"
    assert view.turns[0].start_ms < poison.start_ms
    assert view.turns[-1].start_ms >= poison.end_ms


def test_one_death_of_the_recogniser_costs_nothing(archive: Archive) -> None:
    wanted = five_minutes(archive)

    view = attempt(archive, wanted, StubEngine(deaths={1}))

    assert (view.state, view.missing_ms, view.dropped) == (TranscriptState.COMPLETED, 0, {})


def test_a_recogniser_that_never_lives_is_not_taken_for_silence(archive: Archive) -> None:
    wanted = half_a_minute(archive)

    for _ in range(3):
        with pytest.raises(ChildDied):
            attempt(archive, wanted, StubEngine(deaths=range(100)))

    assert archive.transcript(wanted).state is TranscriptState.PROCESSING


def test_a_job_given_up_is_a_failed_transcript(archive: Archive) -> None:
    wanted = half_a_minute(archive)
    job = archive.job(wanted)

    with archive.house.begin() as work:
        aside = SetAside(job.id, job.kind, job.subject, job.tenant_id, job.payload, "/secret: no")
        give_up(aside, work, archive.tools)

    view = archive.transcript(wanted)
    assert (view.state, view.error_message) == (
        TranscriptState.FAILED,
        "transcription failed repeatedly",
    )


class Away(DiskStore):
    """A store that does not answer."""

    def fetch(self, key: str, path: Path) -> None:
        raise StoreUnavailable("503")


def test_a_transcript_waits_for_storage_however_long_that_is_away(archive: Archive) -> None:
    wanted = half_a_minute(archive)
    store = Away(archive.folder / "objects", "http://test", b"secret")
    away = dataclasses.replace(archive.tools, store=store)

    for _ in range(MAX_ATTEMPT + 1):
        labour(archive.due(wanted), away)

    assert archive.transcript(wanted).state is TranscriptState.PROCESSING
    archive.due(wanted)
    assert attempt(archive, wanted, StubEngine()).state is TranscriptState.COMPLETED


@pytest.mark.parametrize(
    ("no", "words"),
    [
        (CannotTranscribe("there is no language xx"), "there is no language xx"),
        (ModelUnavailable("/srv/models/x: no such file"), "the speech model is not available"),
    ],
)
def test_what_cannot_be_done_fails_at_once_and_says_why(
    archive: Archive, no: Exception, words: str
) -> None:
    wanted = half_a_minute(archive)

    def refuse(region: Region) -> str:
        raise no

    view = attempt(archive, wanted, StubEngine(say=refuse))

    assert (view.state, view.error_message) == (TranscriptState.FAILED, words)
    with pytest.raises(AssertionError, match="done"):
        archive.job(wanted)


def test_segments_that_are_gone_or_not_what_was_recorded_are_missed(archive: Archive) -> None:
    archive.speak("Alice", LONG)
    archive.close(lost_epochs=[2])
    gone, altered = archive.keys_of_segments()[:2]
    archive.store.delete(gone)
    (archive.folder / "objects" / altered).write_bytes(BOB.read_bytes())
    wanted = ask(archive)

    view = attempt(archive, wanted, StubEngine())

    assert view.state is TranscriptState.COMPLETED
    assert view.missing_ms == 50_000
    assert view.error_message == (
        "50.0 s of sound could not be heard; 1 part(s) of the recording are lost"
    )
    assert view.turns[0].start_ms > 50_000


def test_a_recording_of_which_only_the_film_is_left_is_transcribed_from_that(
    archive: Archive,
) -> None:
    archive.close(movie=ALICE)
    wanted = ask(archive)

    view = attempt(archive, wanted, StubEngine())

    assert {(turn.speaker, turn.speaker_id) for turn in view.turns} == {("Speaker", None)}
    assert view.duration_seconds == 25.0


def test_a_meeting_in_which_nobody_spoke_has_an_empty_transcript(archive: Archive) -> None:
    archive.close()
    wanted = ask(archive)

    view = attempt(archive, wanted, StubEngine())

    assert (view.state, view.turns, view.word_count) == (TranscriptState.COMPLETED, (), 0)


def test_a_recording_deleted_meanwhile_is_not_brought_back(archive: Archive) -> None:
    wanted = half_a_minute(archive)

    def delete_then_say(region: Region) -> str:
        archive.forget()
        return "too late"

    view = attempt(archive, wanted, StubEngine(say=delete_then_say))

    assert view.state is TranscriptState.PROCESSING
    assert view.turns == ()
    assert "transcript.ready" not in archive.house.kinds(archive.room)


def test_a_transcript_deleted_meanwhile_is_not_brought_back(archive: Archive) -> None:
    wanted = half_a_minute(archive)

    def delete_then_say(region: Region) -> str:
        with archive.house.begin() as work:
            transcripts.delete_of_recording(
                work.connection, archive.tenant.id, archive.recording_id
            )
        return "too late"

    make_transcript(
        archive.job(wanted), archive.tools, Engines(lambda _: StubEngine(say=delete_then_say))
    )

    with archive.house.engine.connect() as connection:
        assert transcripts.get(connection, archive.tenant.id, wanted) is None
        assert transcripts.pieces(connection, wanted, archive.room.id) == []  # type: ignore[arg-type]


def test_a_worker_that_lost_its_job_writes_nothing(archive: Archive) -> None:
    wanted = half_a_minute(archive)
    stale = archive.job(wanted)
    archive.job(wanted)

    with pytest.raises(LeaseLost):
        make_transcript(stale, archive.tools, Engines(lambda _: StubEngine()))

    assert archive.transcript(wanted).turns == ()


def test_a_second_run_of_a_finished_job_changes_nothing(archive: Archive) -> None:
    wanted = half_a_minute(archive)
    job = archive.job(wanted)
    first = attempt_with(archive, job, wanted)

    second = attempt_with(archive, job, wanted)

    assert first == second
    assert archive.house.kinds(archive.room).count("transcript.ready") == 1


def attempt_with(archive: Archive, job: Any, wanted: TranscriptId) -> TranscriptView:
    make_transcript(job, archive.tools, Engines(lambda _: StubEngine()))
    return archive.transcript(wanted)


def _reader(deadly: Path) -> Callable[..., Iterator[Piece]]:
    """A reader of whole seconds, a piece each, that looks two seconds ahead and dies of a file."""

    def read(
        segments: list[Segment], *, from_ms: int, first: int, within: float
    ) -> Iterator[Piece]:
        at, n = from_ms, first
        while at < 6000:
            near = [s for s in segments if s.t0_ms < at + 2000 and s.t0_ms + 1000 > at]
            if any(s.path == deadly for s in near):
                raise ChildDied("killed")
            gone = [Loss(s.t0_ms, 1000, "lost") for s in near if s.path is None and s.t0_ms == at]
            yield Piece(n, at, at + 1000, (), tuple(gone))
            at, n = at + 1000, n + 1

    return read


def test_a_file_that_kills_its_readers_costs_only_itself_and_its_neighbours() -> None:
    deadly = Path("deadly")
    segments = [Segment(deadly if n == 3 else Path(str(n)), n * 1000, 1000) for n in range(6)]

    pieces = list(survivors(segments, from_ms=0, first=0, read=_reader(deadly), ahead_ms=2000))

    assert [(piece.n, piece.start_ms) for piece in pieces] == [(n, n * 1000) for n in range(6)]
    missing = [loss.start_ms for piece in pieces for loss in piece.losses]
    assert 3000 in missing
    assert len(missing) <= 2


def test_the_worker_program_knows_the_job(archive: Archive) -> None:
    wanted = half_a_minute(archive)
    row = archive.job(wanted)
    archive.forget()

    labour(row.id, archive.tools)

    with pytest.raises(AssertionError, match="done"):
        archive.job(wanted)
