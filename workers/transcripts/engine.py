"""What turns voice into words, whichever it is, and the one that runs faster-whisper in a child."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from pydantic import Field, ValidationError

from infra.contract.messages import Message
from infra.contract.views import Word
from workers.child import Child, ChildDied, ChildRefused, Limits
from workers.transcripts.reader import packed
from workers.transcripts.track import Piece

HUB = ("HF_",)
"Where models are fetched from, and as whom: nobody else's business."
GPU_DRIVER = Path("/dev/nvidiactl")
"There where CUDA can be."

Task = Literal["transcribe", "translate"]


class Spoken(Message):
    """A stretch of speech as the recogniser grouped it. Times are ms on the track's timeline."""

    start_ms: int
    end_ms: int
    text: str
    words: tuple[Word, ...] = ()
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float


class Heard(Message):
    """What a piece came to."""

    segments: tuple[Spoken, ...] = ()
    dropped: dict[str, int] = Field(default_factory=dict)
    "Segments the gates left out, by reason."
    language: str | None = None
    "What was spoken, when that was asked or is the only one known."
    language_probability: float | None = None


class CannotTranscribe(Exception):
    """The engine will not do this, now or later: it does not know the language."""


class ModelUnavailable(Exception):
    """There is no such model, or it could not be fetched or read. The words are for operators."""


class Engine(Protocol):
    def transcribe(
        self,
        piece: Piece,
        *,
        language: str | None = None,
        task: Task = "transcribe",
        keywords: tuple[str, ...] = (),
    ) -> Heard:
        """Words of every region of the piece, in order.

        `language` is a tag such as en or en-US; None or "auto" asks the engine to find out.
        `keywords` are spellings to prefer. Raises CannotTranscribe, ModelUnavailable, or
        ChildDied when another try may succeed.
        """

    def close(self) -> None:
        """Free what it holds. It may be used again, and then starts anew."""


@dataclass(frozen=True, slots=True)
class WhisperOptions:
    model: str
    "A model's name, or a directory that holds one in CTranslate2's format."
    device: str = "auto"
    compute_type: str = "default"
    threads: int = 0
    "CPU threads; 0: as many as this process may run on."
    beam_size: int = 5
    load_within: float = 900.0
    "Seconds to load the model; a name may have to be fetched first."
    within: float = 120.0
    "Seconds for a piece, besides :attr:`within_per_s`."
    within_per_s: float = 20.0
    "Seconds for each second of sound in it: large models on slow machines need about five."
    memory_bytes: int | None = 16 * 1024**3
    "Address space of the child. With a GPU it is not limited: the driver maps far more."
    recycle_bytes: int = 3 * 1024**3
    "Resident size past which the child is replaced between two pieces."


def model_child(module: str, limits: Limits) -> Child:
    """One that may fetch models."""
    return Child(module, limits, also=HUB)


@dataclass(slots=True)
class WhisperEngine:
    """faster-whisper in a child process: one model, one piece at a time, killable.

    The child is started by the first piece, replaced when it grew too large, and killed when a
    piece takes too long.
    """

    options: WhisperOptions
    start: Callable[[str, Limits], Child] = model_child
    _child: Child | None = field(default=None, init=False)

    def transcribe(
        self,
        piece: Piece,
        *,
        language: str | None = None,
        task: Task = "transcribe",
        keywords: tuple[str, ...] = (),
    ) -> Heard:
        if not piece.regions:
            return Heard(language=language)
        head, bodies = packed(piece)
        head |= {"language": language, "task": task, "keywords": " ".join(keywords) or None}
        within = self.options.within + self.options.within_per_s * piece.sound_ms / 1000
        try:
            said, _ = self._running().ask(head, *bodies, within=within)
            heard = Heard.model_validate(said["heard"])
        except ChildRefused as refusal:
            if refusal.kind == ModelUnavailable.__name__:
                self.close()
                raise ModelUnavailable(str(refusal)) from refusal
            raise CannotTranscribe(str(refusal)) from refusal
        except ChildDied:
            self.close()
            raise
        except (KeyError, ValidationError) as error:
            self.close()
            raise ChildDied("its answer made no sense") from error
        if said["rss_bytes"] > self.options.recycle_bytes:
            self.close()
        return heard

    def close(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child = None

    @property
    def pid(self) -> int | None:
        """Of the child; None while there is none."""
        return self._child.pid if self._child else None

    def _running(self) -> Child:
        if self._child is None:
            options = self.options
            on_gpu = options.device == "cuda" or (options.device == "auto" and GPU_DRIVER.exists())
            limits = Limits(memory_bytes=None if on_gpu else options.memory_bytes, open_files=1024)
            self._child = self.start("workers.transcripts.whisper", limits)
            self._child.ask({"load": asdict(options)}, within=options.load_within)
        return self._child


class Engines:
    """The engine of this process: kept warm from job to job, lent to one at a time."""

    def __init__(self, make: Callable[[WhisperOptions], Engine] = WhisperEngine) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._kept: tuple[WhisperOptions, Engine] | None = None

    @contextmanager
    def lend(self, options: WhisperOptions) -> Iterator[Engine]:
        """Waits for whoever has it. Other options than last time replace the engine."""
        with self._lock:
            if self._kept is None or self._kept[0] != options:
                if self._kept is not None:
                    self._kept[1].close()
                self._kept = (options, self._make(options))
            yield self._kept[1]

    def close(self) -> None:
        """Free the engine. Waits for whoever has it."""
        with self._lock:
            if self._kept is not None:
                self._kept[1].close()
                self._kept = None
