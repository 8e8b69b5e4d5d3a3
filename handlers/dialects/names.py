"""Ids as a dialect shows them: a UUID, or a word and the UUID in base 62 (`meeting_2Yr…`)."""

from __future__ import annotations

import re
from uuid import UUID

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VALUE = {digit: value for value, digit in enumerate(_DIGITS)}
_UUID = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LENGTH = 22
"Digits that hold 128 bits; always all of them, so that texts sort as the ids do."


def shown(word: str, id: UUID) -> str:
    number, digits = id.int, []
    for _ in range(_LENGTH):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    return f"{word}_{''.join(reversed(digits))}"


def read(text: str, word: str | None = None) -> UUID | None:
    """The id in any form we ever show it. With `word`, another dialect's or thing's is none.

    A UUID is taken only as it is written in RFC 9562, section 4, with letters of either case.
    """
    head, underscore, digits = text.rpartition("_")
    if underscore:
        if (word is not None and head != word) or len(digits) != _LENGTH:
            return None
        number = 0
        for digit in digits:
            if digit not in _VALUE:
                return None
            number = number * 62 + _VALUE[digit]
        return UUID(int=number) if number < 1 << 128 else None
    return UUID(text) if _UUID.fullmatch(text) else None
