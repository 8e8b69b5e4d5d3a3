"""When a delivery is tried again, and when it is not."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Final

WAITS_S: Final = (30.0, 120.0, 600.0, 3600.0, 3 * 3600.0, 8 * 3600.0, 14 * 3600.0)
"Seconds after the first try, the second, ...: eight tries over 26 hours."
TRIES: Final = len(WAITS_S) + 1
JITTER: Final = 0.1
"Waits are up to this much longer, so that what failed together does not come back together."
LONGEST_S: Final = 24 * 3600.0
"What a receiver may ask us to wait at most."

_PASSING: Final = frozenset({408, 425, 429})
"Refusals of this request now, and not of the request."


class Verdict(Enum):
    DELIVERED = "delivered"
    AGAIN = "again"
    NEVER = "never"
    GONE = "gone"
    "And nothing else is to be sent there."


@dataclass(frozen=True, slots=True)
class Judged:
    verdict: Verdict
    wait_s: float = 0.0
    "Before the next try, for AGAIN."


def judge(
    status: int | None, *, tries: int, now: datetime, retry_after: str | None = None
) -> Judged:
    """What an attempt came to: the `tries`-th. `status` None: there was no answer.

    Only 2xx is a success; a redirect is none, since it would be followed to who knows where.
    """
    if status is not None and 200 <= status < 300:
        return Judged(Verdict.DELIVERED)
    if status == 410:
        return Judged(Verdict.GONE)
    if status is not None and 400 <= status < 500 and status not in _PASSING:
        return Judged(Verdict.NEVER)
    if tries >= TRIES:
        return Judged(Verdict.NEVER)
    wait_s = WAITS_S[tries - 1] * random.uniform(1.0, 1.0 + JITTER)
    asked_s = _asked(retry_after, now) if retry_after is not None else 0.0
    return Judged(Verdict.AGAIN, max(wait_s, min(asked_s, LONGEST_S)))


def _asked(retry_after: str, now: datetime) -> float:
    """Seconds a `Retry-After` asks for (RFC 9110, section 10.2.3); 0 for what is none."""
    if retry_after.isdecimal():
        return float(retry_after[:9])
    try:
        return (parsedate_to_datetime(retry_after) - now).total_seconds()
    except (ValueError, TypeError):
        return 0.0
