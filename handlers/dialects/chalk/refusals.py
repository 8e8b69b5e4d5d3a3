"""How Chalk says no: a status and words for every reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from handlers.dialects.operation import Shown
from handlers.dialects.refusing import No, Refuser
from infra.contract.refusals import Reason

WORDS: Final[Mapping[Reason, tuple[int, str]]] = {
    Reason.MALFORMED: (400, "bad request"),
    Reason.UNUSABLE: (400, "value cannot be used"),
    Reason.TOO_LARGE: (413, "request body too large"),
    Reason.UNSUPPORTED_TYPE: (400, "unsupported content type"),
    Reason.NO_SUCH_ROUTE: (404, "not found"),
    Reason.METHOD_NOT_ALLOWED: (405, "method not allowed"),
    Reason.NO_CREDENTIALS: (401, "missing API key"),
    Reason.BAD_CREDENTIALS: (401, "invalid token"),
    Reason.TOKEN_EXPIRED: (401, "token has expired"),
    Reason.NOT_ALLOWED: (403, "insufficient permissions"),
    Reason.HOST_ONLY: (403, "host role required"),
    Reason.OTHER_TENANT: (403, "access denied: tenant mismatch"),
    Reason.ORIGIN_NOT_ALLOWED: (403, "origin not allowed"),
    Reason.RATE_LIMITED: (429, "rate limit exceeded"),
    Reason.SCOPE_MISSING: (403, "insufficient scope"),
    Reason.NOT_A_MEMBER: (403, "not a member of this room"),
    Reason.CREATOR_ONLY: (403, "only the room's creator may do this"),
    Reason.ADMIN_ONLY: (403, "administrator role required"),
    Reason.RECORDING_NOT_ALLOWED: (403, "not allowed to control recording"),
    Reason.TENANT_UNKNOWN: (404, "tenant not found"),
    Reason.ROOM_UNKNOWN: (404, "room not found"),
    Reason.PARTICIPANT_UNKNOWN: (404, "participant not found"),
    Reason.RECORDING_UNKNOWN: (404, "recording not found"),
    Reason.TRANSCRIPT_UNKNOWN: (404, "transcript not found"),
    Reason.SESSION_UNKNOWN: (404, "session not found"),
    Reason.TRACK_UNKNOWN: (404, "track not found"),
    Reason.KEY_UNKNOWN: (404, "API key not found"),
    Reason.ENDPOINT_UNKNOWN: (404, "webhook endpoint not found"),
    Reason.DELIVERY_UNKNOWN: (404, "webhook delivery not found"),
    Reason.PERSON_UNKNOWN: (404, "person not found"),
    Reason.TENANT_INACTIVE: (403, "tenant is not active"),
    Reason.ROOM_QUOTA_REACHED: (403, "maximum concurrent rooms reached"),
    Reason.ROOM_NOT_ACTIVE: (400, "room is not active"),
    Reason.ROOM_ALREADY_ENDED: (409, "room has already ended"),
    Reason.ROOM_FULL: (409, "room is full"),
    Reason.ROOM_OVER: (400, "room has ended"),
    Reason.ROOM_NOT_STARTED: (400, "room has not started"),
    Reason.ROOM_NOT_SCHEDULED: (409, "room is not scheduled"),
    Reason.BAD_TIMES: (400, "the end must be after the start"),
    Reason.BAD_RECURRENCE: (400, "recurrence rule cannot be used"),
    Reason.AWAITING_ADMISSION: (403, "waiting to be let in"),
    Reason.ADMISSION_DENIED: (403, "not let in"),
    Reason.FEATURE_DISABLED: (403, "feature is disabled in this room"),
    Reason.BAD_URL: (400, "URL cannot be used"),
    Reason.ALREADY_PRESENT: (409, "participant is already in the room"),
    Reason.ALREADY_PUBLISHING: (409, "participant is already publishing"),
    Reason.CHAT_DISABLED: (403, "chat is disabled in this room"),
    Reason.RECORDING_DISABLED: (403, "recording is disabled in this room"),
    Reason.ALREADY_RECORDING: (409, "recording already in progress"),
    Reason.NOT_RECORDING: (404, "no active recording found"),
    Reason.RECORDING_NOT_READY: (400, "recording must be ready and stored in R2"),
    Reason.RECORDING_NOT_PROCESSING: (400, "recording is not processing"),
    Reason.NOTHING_TO_RECOVER: (400, "nothing is left to recover the recording from"),
    Reason.TRANSCRIPTION_RUNNING: (409, "transcription already in progress"),
    Reason.TRANSCRIPTION_DISABLED: (403, "transcription is disabled"),
    Reason.PROVIDER_UNKNOWN: (400, "unknown transcription provider"),
    Reason.KEY_REUSED: (409, "Idempotency-Key was used with another body"),
    Reason.PRECONDITION_FAILED: (412, "precondition failed"),
    Reason.BAD_DESCRIPTION: (400, "session description cannot be used"),
    Reason.NO_MEDIA_POD: (503, "no media pod is available"),
    Reason.POD_BUSY: (503, "media pod is busy"),
    Reason.STALE_EPOCH: (409, "room has moved"),
    Reason.COMMAND_PENDING: (503, "command is still pending"),
    Reason.UNAVAILABLE: (503, "service unavailable"),
    Reason.STORAGE_FULL: (507, "storage is full"),
}


class Error(Shown):
    """What every refusal looks like."""

    error: str
    "For people."
    code: str
    "For programs: one word for each reason."
    request_id: str
    detail: str | None = None
    command_id: str | None = None
    "Of a command that may still be carried out; the same `Idempotency-Key` gives its outcome."


def _form(no: No) -> Error:
    return Error(
        error=no.said,
        code=no.code,
        request_id=no.request_id,
        detail=no.detail,
        command_id=no.command_id,
    )


CHALK_SAYS: Final = Refuser(
    words=WORDS,
    form=_form,
    own_words=frozenset(
        {
            Reason.MALFORMED,
            Reason.UNUSABLE,
            Reason.BAD_CREDENTIALS,
            Reason.BAD_DESCRIPTION,
            Reason.UNSUPPORTED_TYPE,
        }
    ),
)
