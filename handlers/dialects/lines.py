"""Text that is one line of what can be seen, as the documents and the checks both have it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

UNSEEN: Final = (
    r"\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffd"
)
"""Of a character class: controls, what ends a line, what turns the direction of what is around it
(UAX #9), the mark of a file's beginning, and what stands where something could not be read."""
SEEN: Final = r"[^\s\u001c-\u001f\u0085\ufeff]"
"""Something in it is no space. JSON Schema, Python and Rust each take another of these for one."""
LINE: Final = rf"^[^{UNSEEN}]*[^\s{UNSEEN}][^{UNSEEN}]*$"
"Something that is not blank, in the regular expressions of JSON Schema, Python and Rust alike."
EMAIL: Final = rf"^[^@\s{UNSEEN}]+@[^@\s{UNSEEN}]+$"
IN_WORDS: Final[Mapping[str, str]] = {
    SEEN: "must not be blank",
    LINE: "must be one line, of what can be seen",
    EMAIL: "must be an e-mail address",
}
"What is wrong with what is not of the pattern, for people."
