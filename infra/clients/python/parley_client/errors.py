"""What a request may come to instead of an answer."""

from __future__ import annotations

from typing import Self

import httpx2


class Unreachable(Exception):
    """Nobody answered."""


class ParleyError(Exception):
    """The server said no."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        request_id: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        "For programs: one word for each reason."
        self.message = message
        "For people."
        self.request_id = request_id
        "Under which the server's log has the request."
        self.retry_after_s = retry_after_s

    @classmethod
    def of(cls, answer: httpx2.Response) -> Self:
        """Out of a refusal in any of the three forms, or of something between us and the server."""
        try:
            said = answer.json()
        except ValueError:
            said = None
        if not isinstance(said, dict):
            said = {}
        error, message, code = (said.get(name) for name in ("error", "message", "code"))
        after = answer.headers.get("retry-after", "")
        return cls(
            answer.status_code,
            str(code or error or "UNKNOWN"),
            str(message or said.get("error_description") or error or answer.reason_phrase),
            request_id=said.get("request_id") or answer.headers.get("x-request-id"),
            retry_after_s=float(after) if after.isdecimal() else None,
        )


class ChalkError(ParleyError):
    """`{error, code, request_id}`."""


class KcsError(ParleyError):
    """`{success: false, message, code}`."""


class ChroomError(ParleyError):
    """`{error, message}`."""
