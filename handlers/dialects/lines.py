"""Text that is one line of what can be seen, as the documents and the checks both have it."""

from __future__ import annotations

from typing import Final

UNSEEN: Final = r"\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
"""Of a character class: controls, what ends a line, and what turns the direction of what is
around it (UAX #9)."""
LINE: Final = rf"^[^{UNSEEN}]*[^\s{UNSEEN}][^{UNSEEN}]*$"
"Something that is not blank, in the regular expressions of JSON Schema, Python and Rust alike."
EMAIL: Final = rf"^[^@\s{UNSEEN}]+@[^@\s{UNSEEN}]+$"
