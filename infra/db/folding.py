"""Names as they are compared: case, accents and spelling variants folded away, cut into words."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

LONGEST_WORD = 100
"Characters of a word that count; what follows is neither stored nor asked for."
WORDS_OF_A_PERSON = 40
"More words than this in one name are not found by."
GRAM_END = "$"
GRAM_START = "^"

_SPELT = str.maketrans(
    {
        **{"ø": "o", "Ø": "o", "ł": "l", "Ł": "l", "đ": "d", "Đ": "d", "ð": "d", "Ð": "d"},
        **{"þ": "th", "Þ": "th", "æ": "ae", "Æ": "ae", "œ": "oe", "Œ": "oe", "ı": "i", "ħ": "h"},
        **{"ŧ": "t", "‘": "'", "’": "'", "ʼ": "'", "`": "'", "‐": "-", "‑": "-", "–": "-"},
    }
)
"Letters that no decomposition of Unicode takes apart, and signs that are typed in several ways."


def fold(text: str) -> str:
    """The same for all spellings of a name that people take to be one; folding twice changes
    nothing. Never holds a NUL, a lone surrogate or any other character that is not printed."""
    folded = text
    for _ in range(2):
        folded = "".join(
            " " if not sign.isprintable() else sign
            for sign in unicodedata.normalize("NFKD", folded)
            if not unicodedata.combining(sign)
        )
        folded = folded.translate(_SPELT).casefold()
    return " ".join(folded.split())


def asked_words(query: str) -> list[str]:
    """The words of a folded query, without the signs around them; the first six."""
    stripped = (_stripped(word)[:LONGEST_WORD] for word in query.split())
    return [word for word in stripped if word][:6]


def words_of(name: str, email: str, user_id: str) -> list[str]:
    """What somebody is found by, of their folded names: `o'brien` also as `obrien` and `brien`."""
    found: dict[str, None] = {}
    for text, whole in ((name, True), (email, False), (user_id, True)):
        for word in text.split():
            found.setdefault(_stripped(word))
            parts = _parts(word if whole else word.partition("@")[0])
            found.update(dict.fromkeys(parts))
            if whole:
                found.setdefault("".join(parts))
    found.pop("", None)
    return list(dict.fromkeys(word[:LONGEST_WORD] for word in found))[:WORDS_OF_A_PERSON]


def may_be_mistyped(word: str) -> bool:
    """Whether the word is looked for among words spelt a little otherwise: numbers are not."""
    return 3 <= len(word) <= 32 and not any(sign.isdigit() or _parts_words(sign) for sign in word)


def grams(word: str) -> set[str]:
    """Its pairs of neighbouring letters, the ends included."""
    ends = f"{GRAM_START}{word}{GRAM_END}"
    return {ends[at : at + 2] for at in range(len(ends) - 1)}


def _parts_words(sign: str) -> bool:
    """Punctuation, symbols and spaces. Vowel signs of scripts that write them apart do not."""
    return unicodedata.category(sign)[0] in "PSZC"


def _parts(word: str) -> list[str]:
    return "".join(" " if _parts_words(sign) else sign for sign in word).split()


def _stripped(word: str) -> str:
    kept = list(_kept(word))
    return word[kept[0] : kept[-1] + 1] if kept else ""


def _kept(word: str) -> Iterator[int]:
    return (at for at, sign in enumerate(word) if not _parts_words(sign))
