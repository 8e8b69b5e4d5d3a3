"""How Chroom says no: a status and words for every reason, flat as all its answers are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from handlers.dialects.operation import Shown
from handlers.dialects.refusing import No, Refuser
from infra.contract.refusals import Reason

WORDS: Final[Mapping[Reason, tuple[int, str]]] = {
    Reason.MALFORMED: (400, "Validation error"),
    Reason.UNUSABLE: (400, "A value cannot be used"),
    Reason.TOO_LARGE: (413, "Request body too large"),
    Reason.UNSUPPORTED_TYPE: (400, "Unsupported content type"),
    Reason.NO_SUCH_ROUTE: (404, "Not found"),
    Reason.METHOD_NOT_ALLOWED: (405, "Method not allowed"),
    Reason.NO_CREDENTIALS: (401, "Missing API key or token"),
    Reason.BAD_CREDENTIALS: (401, "Invalid API key or token"),
    Reason.TOKEN_EXPIRED: (401, "Token has expired"),
    Reason.NOT_ALLOWED: (403, "Not allowed"),
    Reason.HOST_ONLY: (403, "Only a host may do this"),
    Reason.OTHER_TENANT: (403, "This is another account's"),
    Reason.ORIGIN_NOT_ALLOWED: (403, "Origin not allowed"),
    Reason.RATE_LIMITED: (429, "Rate limit exceeded"),
    Reason.SCOPE_MISSING: (403, "The key or token lacks the scope for this"),
    Reason.NOT_A_MEMBER: (403, "Not invited to this meeting"),
    Reason.CREATOR_ONLY: (403, "Only the meeting's host may do this"),
    Reason.ADMIN_ONLY: (403, "Only an administrator may do this"),
    Reason.RECORDING_NOT_ALLOWED: (403, "Not allowed to control recording"),
    Reason.TENANT_UNKNOWN: (404, "Account not found"),
    Reason.ROOM_UNKNOWN: (404, "Meeting not found"),
    Reason.PARTICIPANT_UNKNOWN: (404, "Participant not found"),
    Reason.RECORDING_UNKNOWN: (404, "Recording not found"),
    Reason.TRANSCRIPT_UNKNOWN: (404, "Transcript not found"),
    Reason.SESSION_UNKNOWN: (404, "Session not found"),
    Reason.TRACK_UNKNOWN: (404, "Stream not found"),
    Reason.KEY_UNKNOWN: (404, "API key not found"),
    Reason.ENDPOINT_UNKNOWN: (404, "Webhook endpoint not found"),
    Reason.DELIVERY_UNKNOWN: (404, "Webhook delivery not found"),
    Reason.PERSON_UNKNOWN: (404, "Person not found"),
    Reason.TENANT_INACTIVE: (403, "The account is closed"),
    Reason.ROOM_QUOTA_REACHED: (403, "No more meetings may be live at once"),
    Reason.ROOM_NOT_ACTIVE: (409, "The meeting is not live"),
    Reason.ROOM_ALREADY_ENDED: (409, "The meeting has ended already"),
    Reason.ROOM_FULL: (409, "The meeting is full"),
    Reason.ROOM_OVER: (410, "The meeting is over"),
    Reason.ROOM_NOT_STARTED: (409, "The meeting has not started"),
    Reason.ROOM_NOT_SCHEDULED: (409, "The meeting has been started already"),
    Reason.BAD_TIMES: (400, "The meeting must end after it starts"),
    Reason.BAD_RECURRENCE: (400, "The recurrence rule cannot be used"),
    Reason.AWAITING_ADMISSION: (403, "Waiting to be let in"),
    Reason.ADMISSION_DENIED: (403, "Not let in"),
    Reason.FEATURE_DISABLED: (403, "The meeting does without this"),
    Reason.BAD_URL: (400, "The URL cannot be used"),
    Reason.ALREADY_PRESENT: (409, "Already in the meeting"),
    Reason.ALREADY_PUBLISHING: (409, "Already sending"),
    Reason.CHAT_DISABLED: (403, "The meeting has no chat"),
    Reason.RECORDING_DISABLED: (403, "The meeting may not be recorded"),
    Reason.ALREADY_RECORDING: (409, "The meeting is being recorded already"),
    Reason.NOT_RECORDING: (409, "The meeting is not being recorded"),
    Reason.RECORDING_NOT_READY: (409, "The recording is not ready"),
    Reason.RECORDING_NOT_PROCESSING: (409, "The recording is not being processed"),
    Reason.NOTHING_TO_RECOVER: (409, "Nothing is left to recover the recording from"),
    Reason.TRANSCRIPTION_RUNNING: (409, "The recording is being transcribed already"),
    Reason.TRANSCRIPTION_DISABLED: (403, "The account has no transcription"),
    Reason.PROVIDER_UNKNOWN: (400, "Unknown transcription provider"),
    Reason.KEY_REUSED: (409, "The Idempotency-Key was used with another request"),
    Reason.PRECONDITION_FAILED: (412, "It has changed since"),
    Reason.BAD_DESCRIPTION: (400, "The session description cannot be used"),
    Reason.NO_MEDIA_POD: (503, "No media node is available"),
    Reason.POD_BUSY: (503, "The media node is busy"),
    Reason.STALE_EPOCH: (409, "The meeting has moved to another media node"),
    Reason.COMMAND_PENDING: (503, "Not done yet: retry under the same Idempotency-Key"),
    Reason.UNAVAILABLE: (503, "Service unavailable"),
    Reason.STORAGE_FULL: (507, "Storage is full"),
}


class ChroomError(Shown):
    """What every refusal looks like."""

    error: str
    "For programs: one word for each reason."
    message: str
    "For people."
    request_id: str
    detail: str | None = None
    command_id: str | None = None
    "Of a command that may still be carried out; the same `Idempotency-Key` gives its outcome."


def _form(no: No) -> ChroomError:
    return ChroomError(
        error=no.code,
        message=no.said,
        request_id=no.request_id,
        detail=no.detail,
        command_id=no.command_id,
    )


def _word(reason: Reason) -> str:
    """A room is a meeting here, a track a stream, a tenant an account."""
    name = reason.name
    for ours, theirs in (("ROOM", "MEETING"), ("TRACK", "STREAM"), ("TENANT", "ACCOUNT")):
        name = name.replace(ours, theirs)
    return name


CHROOM_SAYS: Final = Refuser(
    words=WORDS,
    form=_form,
    own_words=frozenset({Reason.BAD_CREDENTIALS}),
    codes={reason: _word(reason) for reason in Reason},
)
