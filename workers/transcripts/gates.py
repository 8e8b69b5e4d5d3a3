"""Keeps out text nobody said: Whisper models invent sentences in noise and get stuck in loops."""

from __future__ import annotations

from typing import Literal

Invented = Literal["no_speech", "repetitive", "loop", "outside"]
"Why a segment was left out; `outside`: it is placed where no sound was."

NO_SPEECH_PROB = 0.6
LOW_LOGPROB = -1.0
"A segment is silence when the model says both that it hears no speech and that it is guessing."
COMPRESSION_RATIO = 2.4
"Text that packs better than this repeats itself; English packs to about half at most."
LOOP_TIMES = 5
"A phrase said this often in a row, of two words or more, is a loop."
LOOP_TIMES_WORD = 8
"People do say no, no, no, no."
LOOP_WORDS = 8
"Longest phrase looked for."


def invented(
    text: str, *, avg_logprob: float, no_speech_prob: float, compression_ratio: float
) -> Invented | None:
    """Why this segment should be left out, or None. The figures are Whisper's own."""
    if no_speech_prob > NO_SPEECH_PROB and avg_logprob < LOW_LOGPROB:
        return "no_speech"
    if compression_ratio > COMPRESSION_RATIO:
        return "repetitive"
    if loops(text):
        return "loop"
    return None


def loops(text: str) -> bool:
    """Whether some phrase comes again and again without anything between."""
    words = text.lower().split()
    for size in range(1, LOOP_WORDS + 1):
        limit = LOOP_TIMES_WORD if size == 1 else LOOP_TIMES
        same = 0
        for at in range(size, len(words)):
            same = same + 1 if words[at] == words[at - size] else 0
            if same >= size * (limit - 1):
                return True
    return False
