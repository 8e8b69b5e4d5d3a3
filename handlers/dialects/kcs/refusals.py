"""How KCS Meeting says no: the published messages and codes, and more of the kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from handlers.dialects.operation import Shown
from handlers.dialects.refusing import No, Refuser
from infra.contract.refusals import Reason

_DENIED: Final = (403, "Access denied")
_SIGN_IN: Final = (401, "Authentication required")

WORDS: Final[Mapping[Reason, tuple[int, str]]] = {
    Reason.MALFORMED: (400, "Invalid input"),
    Reason.UNUSABLE: (400, "A value cannot be used"),
    Reason.TOO_LARGE: (413, "Request body is too large"),
    Reason.UNSUPPORTED_TYPE: (400, "Unsupported content type"),
    Reason.NO_SUCH_ROUTE: (404, "Not found"),
    Reason.METHOD_NOT_ALLOWED: (405, "Method not allowed"),
    Reason.NO_CREDENTIALS: _SIGN_IN,
    Reason.BAD_CREDENTIALS: _SIGN_IN,
    Reason.TOKEN_EXPIRED: _SIGN_IN,
    Reason.NOT_ALLOWED: _DENIED,
    Reason.HOST_ONLY: _DENIED,
    Reason.OTHER_TENANT: _DENIED,
    Reason.ORIGIN_NOT_ALLOWED: _DENIED,
    Reason.RATE_LIMITED: (429, "Rate limit exceeded. Please slow down."),
    Reason.SCOPE_MISSING: _DENIED,
    Reason.NOT_A_MEMBER: (403, "Access denied - you are not a participant in this meeting"),
    Reason.CREATOR_ONLY: _DENIED,
    Reason.ADMIN_ONLY: _DENIED,
    Reason.RECORDING_NOT_ALLOWED: (403, "Only hosts and moderators can control recording"),
    Reason.TENANT_UNKNOWN: (404, "Campus not found"),
    Reason.ROOM_UNKNOWN: (404, "Meeting not found"),
    Reason.PARTICIPANT_UNKNOWN: (404, "Participant not found"),
    Reason.RECORDING_UNKNOWN: (404, "Recording not found"),
    Reason.TRANSCRIPT_UNKNOWN: (404, "Transcript not found"),
    Reason.SESSION_UNKNOWN: (404, "Session not found"),
    Reason.TRACK_UNKNOWN: (404, "Track not found"),
    Reason.KEY_UNKNOWN: (404, "API key not found"),
    Reason.ENDPOINT_UNKNOWN: (404, "Webhook endpoint not found"),
    Reason.DELIVERY_UNKNOWN: (404, "Webhook delivery not found"),
    Reason.PERSON_UNKNOWN: (404, "Person not found"),
    Reason.TENANT_INACTIVE: (403, "Campus is not active"),
    Reason.ROOM_QUOTA_REACHED: (403, "Too many meetings are live"),
    Reason.ROOM_NOT_ACTIVE: (409, "Meeting is not live"),
    Reason.ROOM_ALREADY_ENDED: (409, "Meeting has ended"),
    Reason.ROOM_FULL: (409, "Meeting is full"),
    Reason.ROOM_OVER: (410, "Meeting has ended"),
    Reason.ROOM_NOT_STARTED: (409, "Meeting has not started"),
    Reason.ROOM_NOT_SCHEDULED: (409, "Meeting is not scheduled"),
    Reason.BAD_TIMES: (400, "Meeting end time must be after start time"),
    Reason.BAD_RECURRENCE: (400, "Recurrence rule cannot be used"),
    Reason.AWAITING_ADMISSION: (403, "Access denied - waiting for a host to let you in"),
    Reason.ADMISSION_DENIED: _DENIED,
    Reason.FEATURE_DISABLED: (403, "Feature is disabled in this meeting"),
    Reason.BAD_URL: (400, "URL cannot be used"),
    Reason.ALREADY_PRESENT: (409, "Participant is already in the meeting"),
    Reason.ALREADY_PUBLISHING: (409, "Participant is already publishing"),
    Reason.CHAT_DISABLED: (403, "Chat is disabled in this meeting"),
    Reason.RECORDING_DISABLED: (403, "Recording is disabled in this meeting"),
    Reason.ALREADY_RECORDING: (409, "Recording is already in progress"),
    Reason.NOT_RECORDING: (409, "No recording is in progress"),
    Reason.RECORDING_NOT_READY: (409, "Recording is not available yet"),
    Reason.RECORDING_NOT_PROCESSING: (409, "Recording is not processing"),
    Reason.NOTHING_TO_RECOVER: (409, "Nothing is left to recover the recording from"),
    Reason.TRANSCRIPTION_RUNNING: (409, "Transcription is already in progress"),
    Reason.TRANSCRIPTION_DISABLED: (403, "Transcription is disabled"),
    Reason.PROVIDER_UNKNOWN: (400, "Unknown transcription provider"),
    Reason.KEY_REUSED: (409, "Idempotency-Key was used with another body"),
    Reason.PRECONDITION_FAILED: (412, "Meeting has changed since"),
    Reason.BAD_DESCRIPTION: (400, "Session description cannot be used"),
    Reason.NO_MEDIA_POD: (503, "No media server is available"),
    Reason.POD_BUSY: (503, "Media server is busy"),
    Reason.STALE_EPOCH: (409, "Meeting has moved to another media server"),
    Reason.COMMAND_PENDING: (503, "Request is still being carried out"),
    Reason.UNAVAILABLE: (503, "Service unavailable"),
    Reason.STORAGE_FULL: (507, "Storage is full"),
}

CODES: Final[Mapping[Reason, str]] = {
    Reason.MALFORMED: "VALIDATION_ERROR",
    Reason.NO_CREDENTIALS: "AUTHENTICATION_REQUIRED",
    Reason.BAD_CREDENTIALS: "AUTHENTICATION_REQUIRED",
    Reason.TOKEN_EXPIRED: "AUTHENTICATION_REQUIRED",
    Reason.NOT_ALLOWED: "ACCESS_DENIED",
    Reason.HOST_ONLY: "ACCESS_DENIED",
    Reason.OTHER_TENANT: "ACCESS_DENIED",
    Reason.ORIGIN_NOT_ALLOWED: "ACCESS_DENIED",
    Reason.SCOPE_MISSING: "ACCESS_DENIED",
    Reason.NOT_A_MEMBER: "ACCESS_DENIED",
    Reason.CREATOR_ONLY: "ACCESS_DENIED",
    Reason.ADMIN_ONLY: "ACCESS_DENIED",
    Reason.AWAITING_ADMISSION: "ACCESS_DENIED",
    Reason.ADMISSION_DENIED: "ACCESS_DENIED",
    Reason.RATE_LIMITED: "RATE_LIMIT_EXCEEDED",
    Reason.RECORDING_NOT_ALLOWED: "UNAUTHORIZED_RECORDING",
    Reason.TENANT_UNKNOWN: "CAMPUS_NOT_FOUND",
    Reason.ROOM_UNKNOWN: "MEETING_NOT_FOUND",
    Reason.PARTICIPANT_UNKNOWN: "PARTICIPANT_NOT_FOUND",
    Reason.RECORDING_UNKNOWN: "RECORDING_NOT_FOUND",
    Reason.TRANSCRIPT_UNKNOWN: "TRANSCRIPT_NOT_FOUND",
    Reason.TENANT_INACTIVE: "CAMPUS_INACTIVE",
    Reason.ROOM_QUOTA_REACHED: "MEETING_QUOTA_REACHED",
    Reason.ROOM_NOT_ACTIVE: "MEETING_NOT_LIVE",
    Reason.ROOM_ALREADY_ENDED: "MEETING_ENDED",
    Reason.ROOM_FULL: "MEETING_FULL",
    Reason.ROOM_OVER: "MEETING_ENDED",
    Reason.ROOM_NOT_STARTED: "MEETING_NOT_STARTED",
    Reason.ROOM_NOT_SCHEDULED: "MEETING_NOT_SCHEDULED",
    Reason.BAD_TIMES: "INVALID_MEETING_TIME",
    Reason.BAD_RECURRENCE: "INVALID_RECURRENCE",
    Reason.CHAT_DISABLED: "FEATURE_DISABLED",
    Reason.RECORDING_DISABLED: "FEATURE_DISABLED",
}
"The published ones, and ours where the core's own word is no word of this API."


class Error(Shown):
    """What every refusal looks like."""

    success: Literal[False] = False
    message: str
    "For people."
    code: str
    "For programs."
    request_id: str
    detail: str | None = None
    command_id: str | None = None
    "Of a command that may still be carried out; the same `Idempotency-Key` gives its outcome."


def _form(no: No) -> Error:
    return Error(
        message=no.said,
        code=no.code,
        request_id=no.request_id,
        detail=no.detail,
        command_id=no.command_id,
    )


KCS_SAYS: Final = Refuser(
    words=WORDS,
    form=_form,
    own_words=frozenset(
        {
            Reason.MALFORMED,
            Reason.UNUSABLE,
            Reason.BAD_RECURRENCE,
            Reason.BAD_DESCRIPTION,
            Reason.UNSUPPORTED_TYPE,
        }
    ),
    codes=CODES,
)
