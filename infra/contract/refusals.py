"""The ways Parley says no. Each dialect's `refusals.py` gives every one a status and words."""

from __future__ import annotations

from enum import StrEnum

from infra.contract.messages import Message


class Reason(StrEnum):
    # the request itself
    MALFORMED = "malformed"
    "Not of the form that is asked for. Whoever keeps to an API's document never gets it."
    UNUSABLE = "unusable"
    "Of the form that is asked for, but no value that can be used."
    TOO_LARGE = "too_large"
    UNSUPPORTED_TYPE = "unsupported_type"
    NO_SUCH_ROUTE = "no_such_route"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    # who asks
    NO_CREDENTIALS = "no_credentials"
    BAD_CREDENTIALS = "bad_credentials"
    TOKEN_EXPIRED = "token_expired"
    NOT_ALLOWED = "not_allowed"
    HOST_ONLY = "host_only"
    OTHER_TENANT = "other_tenant"
    ORIGIN_NOT_ALLOWED = "origin_not_allowed"
    RATE_LIMITED = "rate_limited"
    SCOPE_MISSING = "scope_missing"
    "The key or token is good, but not for this."
    NOT_A_MEMBER = "not_a_member"
    "Of the same tenant, but neither the room's creator nor invited to it."
    CREATOR_ONLY = "creator_only"
    ADMIN_ONLY = "admin_only"
    RECORDING_NOT_ALLOWED = "recording_not_allowed"
    # what is asked for
    TENANT_UNKNOWN = "tenant_unknown"
    ROOM_UNKNOWN = "room_unknown"
    PARTICIPANT_UNKNOWN = "participant_unknown"
    RECORDING_UNKNOWN = "recording_unknown"
    TRANSCRIPT_UNKNOWN = "transcript_unknown"
    SESSION_UNKNOWN = "session_unknown"
    TRACK_UNKNOWN = "track_unknown"
    KEY_UNKNOWN = "key_unknown"
    ENDPOINT_UNKNOWN = "endpoint_unknown"
    DELIVERY_UNKNOWN = "delivery_unknown"
    PERSON_UNKNOWN = "person_unknown"
    # the state it is in
    TENANT_INACTIVE = "tenant_inactive"
    ROOM_QUOTA_REACHED = "room_quota_reached"
    ROOM_NOT_ACTIVE = "room_not_active"
    ROOM_ALREADY_ENDED = "room_already_ended"
    ROOM_FULL = "room_full"
    ROOM_OVER = "room_over"
    "Ended or cancelled, for who wants in."
    ROOM_NOT_STARTED = "room_not_started"
    ROOM_NOT_SCHEDULED = "room_not_scheduled"
    "Only what is scheduled can be started or cancelled."
    BAD_TIMES = "bad_times"
    "The end is not after the start."
    BAD_RECURRENCE = "bad_recurrence"
    AWAITING_ADMISSION = "awaiting_admission"
    "A host has not let them in yet."
    ADMISSION_DENIED = "admission_denied"
    FEATURE_DISABLED = "feature_disabled"
    "The room does without it; `detail` names it."
    BAD_URL = "bad_url"
    "Not an address we would connect to."
    ALREADY_PRESENT = "already_present"
    ALREADY_PUBLISHING = "already_publishing"
    CHAT_DISABLED = "chat_disabled"
    RECORDING_DISABLED = "recording_disabled"
    ALREADY_RECORDING = "already_recording"
    NOT_RECORDING = "not_recording"
    RECORDING_NOT_READY = "recording_not_ready"
    RECORDING_NOT_PROCESSING = "recording_not_processing"
    NOTHING_TO_RECOVER = "nothing_to_recover"
    TRANSCRIPTION_RUNNING = "transcription_running"
    TRANSCRIPTION_DISABLED = "transcription_disabled"
    PROVIDER_UNKNOWN = "provider_unknown"
    KEY_REUSED = "key_reused"
    "An `Idempotency-Key` came back with another body."
    PRECONDITION_FAILED = "precondition_failed"
    # media
    BAD_DESCRIPTION = "bad_description"
    "An SDP offer or candidate that cannot be used; `detail` says why."
    NO_MEDIA_POD = "no_media_pod"
    POD_BUSY = "pod_busy"
    STALE_EPOCH = "stale_epoch"
    "The room has moved since the sender last looked."
    # the house
    COMMAND_PENDING = "command_pending"
    UNAVAILABLE = "unavailable"
    STORAGE_FULL = "storage_full"
    "No new recording is begun: there might be no place for it."


class Refusal(Message):
    reason: Reason
    detail: str | None = None
    "For the caller's eyes: what exactly was wrong. Never a secret, never a stack trace."
    retry_after_s: int | None = None
    subject: str | None = None
    "An id the answer should name, such as the pending command's."


class Refused(Exception):
    """An expected no. Logged at INFO, never retried."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


def refuse(reason: Reason, detail: str | None = None, **more: object) -> Refused:
    """The exception to raise: `raise refuse(Reason.ROOM_FULL)`."""
    return Refused(Refusal.model_validate({"reason": reason, "detail": detail, **more}))
