"""The job that makes a transcript: every participant's track by itself, then one conversation.

Each finished piece is a row, so a worker that is killed costs one piece: its successor goes on
after the last. Nothing that could kill the worker runs in it: files are decoded and models run in
children, and what kills a child twice is left out and counted as missing.
"""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from infra.contract.views import RecordingView, Turn
from infra.db import jobs, recordings, transcripts
from infra.db.jobs import ClaimedJob, SetAside
from infra.db.transcripts import StoredPiece
from infra.db.work import Work
from infra.settings import Settings
from workers.child import ChildDied
from workers.owners import mourns, performs
from workers.tools import Tools
from workers.transcription import TranscribeOrder, order_words
from workers.transcripts.engine import (
    CannotTranscribe,
    Engine,
    Engines,
    Heard,
    ModelUnavailable,
    Spoken,
    Task,
    WhisperOptions,
)
from workers.transcripts.merge import Speech, merge, word_count
from workers.transcripts.profanity import struck_out
from workers.transcripts.reader import survivors
from workers.transcripts.sources import Sources, StoredTrack, fetched, known_of, sources_of
from workers.transcripts.track import Piece, Undecodable

UNHEARD = "unheard"
"Among the reasons why something was left out: the recogniser died of it."
GIVE_UP_AFTER = 3
"Pieces in a row that killed the recogniser: then it is not the pieces."
SURE_OF_LANGUAGE = 0.5
"Probability from which a track is taken to be in the language its first piece seems to be in."

AGAIN_AFTER = timedelta(minutes=1)
"When storage could not be reached."

log = structlog.get_logger(__name__)
ENGINES = Engines()


class Gone(Exception):
    """The transcript or its recording was deleted meanwhile: there is nothing left to do."""


@performs("transcribe")
def transcribe(job: ClaimedJob, tools: Tools) -> None:
    make_transcript(job, tools, ENGINES)


@mourns("transcribe")
def give_up(aside: SetAside, work: Work, tools: Tools) -> None:
    """Storage that is away comes back; anything else is said to whoever waits."""
    order = TranscribeOrder.model_validate(aside.payload)
    if "StoreUnavailable" in aside.error:
        order_words(work, order, available_at=work.now + AGAIN_AFTER)
        return
    _fail(work, order, "transcription failed repeatedly")


def options_of(settings: Settings) -> WhisperOptions:
    return WhisperOptions(
        model=settings.model_path,
        device=settings.whisper_device,
        compute_type=settings.whisper_compute_type,
        threads=settings.whisper_threads,
    )


def make_transcript(job: ClaimedJob, tools: Tools, engines: Engines) -> None:
    """Do the whole job, or as much of it as a successor has to go on from.

    What cannot be transcribed, now or later, ends as a failed transcript and a finished job.
    """
    order = TranscribeOrder.model_validate(job.payload)
    try:
        with tools.begin() as work:
            recording = _recording(work, order)
            told = known_of(work.connection, recording)
            if not transcripts.process(work.connection, order.transcript_id):
                raise Gone
        sources = sources_of(tools.store, recording, told)
        with engines.lend(options_of(tools.settings)) as engine:
            made = _Transcription(job, tools, order, engine, sources)
            turns = merge(made.speeches())
        if order.profanity_filter:
            turns = struck_out(turns, tools.settings.profanity_words or "")
        _finish(job, tools, order, made, turns)
    except Gone:
        log.info("transcript.gone", transcript_id=str(order.transcript_id))
    except (CannotTranscribe, Undecodable) as impossible:
        _refuse(job, tools, order, str(impossible))
    except ModelUnavailable as unavailable:
        # The words name places on our disk; whose transcript it is has no use for them.
        log.error("transcript.no_model", error=str(unavailable))
        _refuse(job, tools, order, "the speech model is not available")


def _recording(work: Work, order: TranscribeOrder) -> RecordingView:
    recording = recordings.get(work.connection, order.tenant_id, order.recording_id)
    if recording is None:
        raise Gone
    return recording


def _refuse(job: ClaimedJob, tools: Tools, order: TranscribeOrder, why: str) -> None:
    with tools.begin() as work:
        _fail(work, order, why)
        jobs.finish(work, job)


def _fail(work: Work, order: TranscribeOrder, why: str) -> None:
    recording = recordings.get(work.connection, order.tenant_id, order.recording_id)
    if transcripts.fail(work.connection, order.transcript_id, why) and recording is not None:
        work.event(
            recording.room_id,
            recording.tenant_id,
            "transcript.failed",
            {
                "transcript_id": str(order.transcript_id),
                "recording_id": str(order.recording_id),
                "error_message": why,
            },
        )


def _finish(
    job: ClaimedJob,
    tools: Tools,
    order: TranscribeOrder,
    made: _Transcription,
    turns: tuple[Turn, ...],
) -> None:
    with tools.begin() as work:
        recording = _recording(work, order)
        done = transcripts.complete(
            work.connection,
            order.transcript_id,
            turns=turns,
            language=made.language,
            duration_seconds=recording.duration_seconds or made.length_ms / 1000,
            word_count=word_count(turns),
            dropped=dict(made.dropped),
            missing_ms=made.missing_ms,
            error_message=made.what_is_missing(),
            now=work.now,
        )
        if not done:
            raise Gone
        jobs.finish(work, job)
        work.event(
            recording.room_id,
            recording.tenant_id,
            "transcript.ready",
            {"transcript_id": str(order.transcript_id), "recording_id": str(recording.id)},
        )


@dataclass(slots=True)
class _Transcription:
    """One run of the job over the tracks of its recording."""

    job: ClaimedJob
    tools: Tools
    order: TranscribeOrder
    engine: Engine
    sources: Sources
    dropped: Counter[str] = field(default_factory=Counter)
    missing_ms: int = 0
    length_ms: int = 0
    _done_ms: int = 0
    "Of the tracks before this one."
    _heard: int = 0
    "Pieces the recogniser survived."
    _killed_by: int = 0
    "Pieces in a row it did not."
    _languages: dict[str, str] = field(init=False)
    "By track: found out from its first piece, then kept to."

    def __post_init__(self) -> None:
        self._languages = dict((self.job.checkpoint or {}).get("languages", {}))

    @property
    def language(self) -> str | None:
        """What most tracks were spoken in."""
        most = Counter(self._languages.values()).most_common(1)
        return most[0][0] if most else self.order.language

    def what_is_missing(self) -> str | None:
        """For whoever reads a transcript that is not the whole of it."""
        missing = []
        if self.missing_ms:
            missing.append(f"{self.missing_ms / 1000:.1f} s of sound could not be heard")
        if self.sources.parts_lost:
            missing.append(f"{self.sources.parts_lost} part(s) of the recording are lost")
        return "; ".join(missing) or None

    def speeches(self) -> list[Speech]:
        """Everybody's speech. Raises ChildDied when the recogniser survived nothing at all."""
        made = [self._speech_of(track) for track in self.sources.tracks]
        if self.dropped[UNHEARD] and not self._heard and not any(s.segments for s in made):
            raise ChildDied("the recogniser died of every piece")
        return made

    def _speech_of(self, track: StoredTrack) -> Speech:
        with self.tools.engine.connect() as connection:
            done = transcripts.pieces(connection, self.order.transcript_id, track.id)
        from_ms = done[-1].end_ms if done else 0
        if not done or from_ms < track.end_ms:
            with (
                fetched(self.tools.store, track.segments, from_ms=from_ms) as segments,
                closing(survivors(segments, from_ms=from_ms, first=len(done))) as pieces,
            ):
                for piece in pieces:
                    done.append(self._keep(piece, self._hear(piece, track), track))
        self._done_ms += track.end_ms
        for stored in done:
            self.dropped.update(stored.dropped)
            self.missing_ms += stored.missing_ms
            self.length_ms = max(self.length_ms, stored.end_ms)
        spoken = tuple(Spoken.model_validate(s) for stored in done for s in stored.segments)
        return Speech(track.participant_id, track.speaker, spoken)

    def _hear(self, piece: Piece, track: StoredTrack) -> Heard | None:
        """None: the recogniser died of it, here and in an earlier attempt."""
        if not piece.regions:
            return Heard()
        key = str(track.id)
        try:
            heard = self._try_twice(piece, self.order.language or self._languages.get(key))
        except ChildDied:
            self._killed_by += 1
            if self.job.attempt == 1 or self._killed_by >= GIVE_UP_AFTER:
                raise
            return None
        self._heard += 1
        self._killed_by = 0
        sure = heard.language_probability is None or heard.language_probability >= SURE_OF_LANGUAGE
        if heard.language is not None and sure:
            self._languages.setdefault(key, heard.language)
        return heard

    def _try_twice(self, piece: Piece, language: str | None) -> Heard:
        try:
            return self._listen(piece, language)
        except ChildDied as death:
            log.warning("transcript.recogniser_died", piece=piece.n, error=str(death))
        self.job.beat()
        return self._listen(piece, language)

    def _listen(self, piece: Piece, language: str | None) -> Heard:
        task: Task = "translate" if self.order.task == "translate" else "transcribe"
        return self.engine.transcribe(
            piece, language=language, task=task, keywords=self.order.keywords
        )

    def _keep(self, piece: Piece, heard: Heard | None, track: StoredTrack) -> StoredPiece:
        said = heard or Heard(dropped={UNHEARD: len(piece.regions)})
        stored = StoredPiece(
            n=piece.n,
            start_ms=piece.start_ms,
            end_ms=piece.end_ms,
            segments=[spoken.model_dump(mode="json") for spoken in said.segments],
            dropped=said.dropped,
            missing_ms=piece.missing_ms + (piece.sound_ms if heard is None else 0),
        )
        self.job.beat({"languages": self._languages})
        total = sum(t.end_ms for t in self.sources.tracks) or 1
        with self.tools.begin() as work:
            under_way = transcripts.process(
                work.connection,
                self.order.transcript_id,
                progress=min(1.0, (self._done_ms + piece.end_ms) / total),
            )
            if not under_way:
                raise Gone
            transcripts.add_piece(
                work.connection, self.order.transcript_id, track.id, stored, work.now
            )
        return stored
