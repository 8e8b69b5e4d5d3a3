"""Asking for lost packets (RFC 4585, section 6.2.1), and limits on being asked."""

from __future__ import annotations

from media.core.allowance import Allowance

ASK_AGAIN_AFTER = 0.1
"Seconds between two requests for one packet: above most round trips."
MOST_TRIES = 8
MOST_OUTSTANDING = 256
"Packets. When more are missing only a keyframe helps."


class LossTracker:
    """The missing packets of one stream. Numbers are unwrapped, time is passed in."""

    __slots__ = ("_missing", "given_up")

    def __init__(self) -> None:
        self._missing: dict[int, tuple[int, float]] = {}
        "Sequence number to (times asked, when to ask next)."
        self.given_up = False
        "Something was lost for good since :meth:`take_given_up`."

    def __len__(self) -> int:
        return len(self._missing)

    def skipped(self, first: int, last: int, *, now: float) -> None:
        """Numbers `first` to `last` were passed over."""
        if last - first >= MOST_OUTSTANDING or len(self._missing) >= MOST_OUTSTANDING:
            self._missing.clear()
            self.given_up = True
            return
        for sequence in range(first, last + 1):
            self._missing[sequence] = (0, now)

    def arrived(self, sequence: int) -> bool:
        """Whether it was missing and had been asked for: then it is most likely a repair."""
        tries, _ = self._missing.pop(sequence, (0, 0.0))
        return tries > 0

    def clear(self) -> None:
        self._missing.clear()

    def take_due(self, *, now: float) -> list[int]:
        """The packets to ask for now, in order; each counts as asked for once more."""
        due: list[int] = []
        for sequence, (tries, ask_at) in list(self._missing.items()):
            if now < ask_at:
                continue
            if tries >= MOST_TRIES:
                del self._missing[sequence]
                self.given_up = True
                continue
            self._missing[sequence] = (tries + 1, now + ASK_AGAIN_AFTER)
            due.append(sequence)
        return sorted(due)

    def take_given_up(self) -> bool:
        """Whether something was given up since the last call: the decoders need a keyframe."""
        given_up, self.given_up = self.given_up, False
        return given_up


RESEND_AFTER = 0.02
"Seconds, or a round trip if that is longer, in which a second request crossed our answer."
LONGEST_RESEND_AFTER = 0.3
"Seconds: the most a receiver's own word on the round trip can hold back its repairs."
RESENDS_PER_SECOND = 500
RESENDS_AT_ONCE = 250
NAMES_PER_SECOND = 5_000
"Packets a receiver may name as missing: what is looked up, ours to give or not."


class ResendLimit:
    """What one receiver may have repeated: a bound on amplification, not a fair share."""

    __slots__ = ("_names", "_resend_after", "_resends", "_sent_at")

    def __init__(self) -> None:
        self._resends = Allowance(RESENDS_PER_SECOND, RESENDS_AT_ONCE)
        self._names = Allowance(NAMES_PER_SECOND, NAMES_PER_SECOND)
        self._resend_after = RESEND_AFTER
        self._sent_at: dict[int, float] = {}

    def round_trip_measured(self, seconds: float) -> None:
        self._resend_after = min(max(seconds, RESEND_AFTER), LONGEST_RESEND_AFTER)

    def hears_of(self, count: int, *, now: float) -> int:
        """How many of so many packets named as missing are worth a look."""
        return self._names.take_up_to(count, now=now)

    def allows(self, sequence: int, *, now: float) -> bool:
        """Whether to repeat this packet now; yes counts it as repeated."""
        sent_at = self._sent_at.get(sequence)
        if sent_at is not None and now - sent_at < self._resend_after:
            return False
        if not self._resends.take(1, now=now):
            return False
        if len(self._sent_at) >= RESENDS_AT_ONCE:
            self._sent_at = {
                number: at for number, at in self._sent_at.items() if now - at < self._resend_after
            }
        self._sent_at[sequence] = now
        return True
