"""Asking for keyframes, no more often than is decent."""

from __future__ import annotations

ASK_AGAIN_AFTER = 0.5
"Seconds. Longer than a slow round trip, shorter than a viewer's patience."


class KeyframeAsker:
    """One publisher's outstanding keyframe request (RFC 4585, section 6.3.1).

    Many receivers may want a keyframe at once; the publisher is asked once, and again every
    :data:`ASK_AGAIN_AFTER` until it complies, and never sooner. Performs no I/O: call a method,
    then act on :meth:`take_request`; while :attr:`waiting`, call :meth:`handle_timer` often.
    """

    __slots__ = ("_ask_at", "_asked_at", "_request")

    def __init__(self) -> None:
        self._asked_at: float | None = None
        self._ask_at: float | None = None
        "When to ask (again); None while nobody waits."
        self._request = False

    @property
    def waiting(self) -> bool:
        return self._ask_at is not None

    def want(self, *, now: float) -> None:
        if self._ask_at is None:
            soonest = now if self._asked_at is None else self._asked_at + ASK_AGAIN_AFTER
            self._ask_at = max(now, soonest)
            self.handle_timer(now=now)

    def keyframe_arrived(self) -> None:
        self._ask_at = None
        self._request = False

    def handle_timer(self, *, now: float) -> None:
        if self._ask_at is not None and now >= self._ask_at:
            self._request = True
            self._asked_at = now
            self._ask_at = now + ASK_AGAIN_AFTER

    def take_request(self) -> bool:
        """True when one request is to be sent now."""
        request, self._request = self._request, False
        return request
