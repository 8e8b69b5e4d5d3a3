"""Swear words struck out of what was said: the first letter stays, so that it is known for one."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

from infra.contract.views import Turn

ENGLISH = (
    "arsehole*,asshole*,bastard*,bitch*,bullshit*,cocksucker*,cunt*,dickhead*,faggot*,fuck*,"
    "goddamn*,motherfuck*,nigger*,prick,pricks,shit,shits,shitt*,slut*,twat,twats,wank*,whore*"
)
"Words nobody says for anything else; a * stands for any ending."


def struck_out(turns: Iterable[Turn], more: str = "") -> tuple[Turn, ...]:
    """The turns with these words, and those of `more`, struck out. No text changes its length."""
    words = _pattern(f"{ENGLISH},{more}")
    return tuple(
        turn.model_copy(
            update={
                "text": words.sub(_strike, turn.text),
                "words": tuple(
                    word.model_copy(update={"text": words.sub(_strike, word.text)})
                    for word in turn.words
                ),
            }
        )
        for turn in turns
    )


def _strike(found: re.Match[str]) -> str:
    return found[0][0] + "*" * (len(found[0]) - 1)


@functools.cache
def _pattern(listed: str) -> re.Pattern[str]:
    words = (word.strip() for word in listed.split(","))
    ways = [re.escape(word.rstrip("*")) + (r"\w*" if word.endswith("*") else "") for word in words]
    return re.compile(rf"\b(?:{'|'.join(way for way in ways if way)})\b", re.IGNORECASE)
