"""The program of the recogniser's child process: loads one faster-whisper model and serves it.

Each region of voice is transcribed by itself and without what was said before: a model told its
own earlier words repeats its own earlier mistakes.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import _LANGUAGE_CODES

from infra.contract.views import Word
from workers.child import Head, serve
from workers.transcripts.engine import (
    CannotTranscribe,
    Heard,
    ModelUnavailable,
    Spoken,
    WhisperOptions,
)
from workers.transcripts.gates import invented
from workers.transcripts.reader import unpacked
from workers.transcripts.track import RATE, Piece, Region, Span

TEMPERATURES = (0.0, 0.2, 0.4, 0.6)
"Tried in turn while a result looks invented. The first is exact, the others draw lots."


class Recogniser:
    def __init__(self, options: WhisperOptions) -> None:
        threads = options.threads or len(os.sched_getaffinity(0))
        try:
            self._model = WhisperModel(
                options.model,
                device=options.device,
                compute_type=options.compute_type,
                cpu_threads=threads,
            )
        except Exception as error:  # whatever the hub, the file system or CTranslate2 raise
            raise ModelUnavailable(f"cannot load the model {options.model}: {error}") from error
        self._beam_size = options.beam_size

    def hear(self, piece: Piece, *, language: str | None, task: str, keywords: str | None) -> Heard:
        """The piece's words. The same piece gives the same words every time."""
        tag, probability = self._language(piece, language)
        spoken: list[Spoken] = []
        dropped: Counter[str] = Counter()
        for region in piece.regions:
            ctranslate2.set_random_seed(region.start_ms)
            segments, _ = self._model.transcribe(
                np.asarray(region.samples),
                language=tag,
                task=task,
                beam_size=self._beam_size,
                temperature=TEMPERATURES,
                condition_on_previous_text=False,
                # What it would drop by itself could not be counted: the gates see to that.
                no_speech_threshold=None,
                word_timestamps=True,
                hotwords=keywords,
            )
            for segment in segments:
                found = _placed(segment, region)
                reason = (
                    "outside"
                    if found is None
                    else invented(
                        found.text,
                        avg_logprob=found.avg_logprob,
                        no_speech_prob=found.no_speech_prob,
                        compression_ratio=found.compression_ratio,
                    )
                )
                if found is None or reason is not None:
                    dropped[str(reason)] += 1
                else:
                    spoken.append(found)
        return Heard(
            segments=tuple(spoken),
            dropped=dict(dropped),
            language=tag,
            language_probability=probability,
        )

    def _language(self, piece: Piece, asked: str | None) -> tuple[str, float | None]:
        known = self._model.supported_languages
        if asked not in (None, "auto"):
            # BCP 47 tags begin with the language; Whisper knows no regions (RFC 5646, 2.1).
            tag = str(asked).replace("_", "-").split("-")[0].lower()
            if tag not in known:
                raise CannotTranscribe(
                    f"the model does not know the language {asked}"
                    if tag in _LANGUAGE_CODES
                    else f"there is no language {asked}"
                )
            return tag, None
        if not self._model.model.is_multilingual:
            return known[0], None
        voice = np.concatenate([region.samples for region in piece.regions])[: 30 * RATE]
        language, probability, _ = self._model.detect_language(voice)
        return language, float(probability)


def _placed(segment: Any, region: Region) -> Spoken | None:
    """The segment on the track's timeline; None when it lies outside of the region's sound."""
    text = segment.text.strip()
    start = region.start_ms + round(segment.start * 1000)
    end = min(region.end_ms, region.start_ms + round(segment.end * 1000))
    if start >= region.end_ms or not text:
        return None
    words = held_to_voice(
        [
            Word(
                text=word.word.strip(),
                start_ms=region.start_ms + round(word.start * 1000),
                end_ms=min(region.end_ms, region.start_ms + round(word.end * 1000)),
                probability=min(1.0, max(0.0, round(float(word.probability), 3))),
            )
            for word in segment.words or ()
            if word.word.strip()
        ],
        region.voice,
    )
    return Spoken(
        start_ms=words[0].start_ms if words else start,
        end_ms=max(words[-1].end_ms if words else end, start),
        text=text,
        words=tuple(words),
        avg_logprob=round(segment.avg_logprob, 3),
        no_speech_prob=round(segment.no_speech_prob, 3),
        compression_ratio=round(segment.compression_ratio, 3),
    )


def held_to_voice(words: Sequence[Word], voice: Sequence[Span]) -> list[Word]:
    """No word begins in the silence before a voice, or reaches over one into another.

    Alignment gives the silence between two words to either of them; a word belongs to the stretch
    of voice that most of it lies in.
    """
    held: list[Word] = []
    for word in words:
        start, end = word.start_ms, word.end_ms
        shared = [min(end, ends) - max(start, begins) for begins, ends in voice]
        most = max(shared, default=0)
        if most > 0:
            begins, ends = voice[shared.index(most)]
            start = max(start, begins)
            if any(ends < later < end for later, _ in voice):
                end = ends
        start = max(start, held[-1].start_ms if held else 0)
        held.append(word.model_copy(update={"start_ms": start, "end_ms": max(start, end)}))
    return held


def _resident_bytes() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


class _Program:
    def __init__(self) -> None:
        self._recogniser: Recogniser | None = None

    def answer(self, head: Head, bodies: list[bytes]) -> Iterator[tuple[Head, list[bytes]]]:
        if "load" in head:
            self._recogniser = Recogniser(WhisperOptions(**head["load"]))
            yield {"loaded": True}, []
            return
        if self._recogniser is None:
            raise ModelUnavailable("no model is loaded")
        heard = self._recogniser.hear(
            unpacked(head, bodies),
            language=head["language"],
            task=head["task"],
            keywords=head["keywords"],
        )
        yield {"heard": heard.model_dump(mode="json"), "rss_bytes": _resident_bytes()}, []


if __name__ == "__main__":
    serve(_Program().answer, refusals=(CannotTranscribe, ModelUnavailable))
