"""Trickled candidates as HTTP brings them (RFC 8840, section 9; RFC 9725, section 4.3.1). Pure."""

from __future__ import annotations

from dataclasses import dataclass

from infra.contract.refusals import Reason, refuse

CANDIDATES_LIMIT = 50
"Of one request; a client with more has something else in mind."
LINE_LIMIT = 1024


@dataclass(frozen=True, slots=True)
class Candidate:
    candidate: str | None
    "The attribute's value with its name, as `RTCIceCandidate` has it; None: there are no more."
    mid: str | None


def parse(text: str) -> list[Candidate]:
    """Raises `Refused` BAD_DESCRIPTION for what is no fragment, or one that is too long."""
    found: list[Candidate] = []
    mid: str | None = None
    for line in text.splitlines():
        if len(line) > LINE_LIMIT:
            raise refuse(Reason.BAD_DESCRIPTION, "a line is too long")
        if line.startswith("m="):
            mid = None
        elif line.startswith("a=mid:"):
            mid = line.removeprefix("a=mid:").strip()[:16]
        elif line.startswith("a=candidate:"):
            found.append(Candidate(line.removeprefix("a=").strip(), mid))
        elif line.strip() == "a=end-of-candidates":
            found.append(Candidate(None, mid))
        elif line.strip() and line[:2] not in ("a=", "v=", "o=", "s=", "t=", "c="):
            raise refuse(Reason.BAD_DESCRIPTION, "the body is no SDP fragment")
    if len(found) > CANDIDATES_LIMIT:
        raise refuse(Reason.BAD_DESCRIPTION, f"more than {CANDIDATES_LIMIT} candidates")
    return found
