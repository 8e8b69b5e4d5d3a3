from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.operations.publishing import require_may_send
from infra.contract.ids import ParticipantId, RoomId, TenantId, new_id
from infra.contract.live import TrackOffer
from infra.contract.permissions import Permission
from infra.contract.refusals import Reason, Refused
from infra.contract.views import ParticipantView, Role, RoomConfig

MICROPHONE = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=sendonly\r\n"
CAMERA = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\n"
ALL_ON = RoomConfig()


def seat(role: Role = Role.PRESENTER, **granted: bool) -> ParticipantView:
    return ParticipantView(
        id=ParticipantId(new_id()),
        room_id=RoomId(new_id()),
        tenant_id=TenantId(new_id()),
        external_user_id=None,
        display_name="Ann",
        role=role,
        joined_at=None,
        left_at=None,
        created_at=datetime(2030, 5, 1, tzinfo=UTC),
        granted={Permission(name): may for name, may in granted.items()},
    )


def refusal(
    offer: str, *tracks: TrackOffer, who: ParticipantView | None = None, **config: bool
) -> tuple[Reason, str | None] | None:
    try:
        require_may_send(RoomConfig(**config), who or seat(), offer, tracks)  # type: ignore[arg-type]
    except Refused as no:
        return no.refusal.reason, no.refusal.detail
    return None


@pytest.mark.parametrize(
    ("offer", "config", "feature"),
    [
        (MICROPHONE + CAMERA, {}, None),
        (MICROPHONE, {"audio_enabled": False}, "audio"),
        (CAMERA, {"video_enabled": False}, "video"),
        (MICROPHONE + CAMERA, {"video_enabled": False}, "video"),
        (MICROPHONE, {"video_enabled": False, "screen_sharing_enabled": False}, None),
        (CAMERA + "a=recvonly\r\n", {"video_enabled": False}, None),
        (CAMERA + "a=inactive\r\n", {"video_enabled": False}, None),
        (CAMERA.replace(" 9 ", " 0 "), {"video_enabled": False}, None),
        ("a=recvonly\r\n" + CAMERA, {"video_enabled": False}, None),
        ("a=recvonly\r\n" + CAMERA + "a=sendrecv\r\n", {"video_enabled": False}, "video"),
        ("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n", {"video_enabled": False}, None),
        ("no description at all", {"video_enabled": False}, None),
    ],
)
def test_what_a_room_does_without_is_not_sent(
    offer: str, config: dict[str, Any], feature: str | None
) -> None:
    assert refusal(offer, **config) == (
        (Reason.FEATURE_DISABLED, feature) if feature is not None else None
    )


def test_a_screen_is_for_who_may_share_it() -> None:
    screen = TrackOffer(mid="1", source="screen")

    def shared(who: ParticipantView, **config: bool) -> Reason | None:
        refused = refusal(CAMERA, screen, who=who, **config)
        return refused[0] if refused else None

    assert shared(seat(Role.PRESENTER)) is None
    assert shared(seat(Role.ATTENDEE)) is Reason.NOT_ALLOWED
    assert shared(seat(Role.ATTENDEE, share_screen=True)) is None
    assert shared(seat(Role.HOST, share_screen=False)) is Reason.NOT_ALLOWED
    assert shared(seat(Role.HOST), screen_sharing_enabled=False) is Reason.FEATURE_DISABLED
    # It is no camera, and its sound no microphone.
    assert shared(seat(), video_enabled=False) is None
    sound = TrackOffer(mid="0", source="screen_audio")
    assert refusal(MICROPHONE, sound, audio_enabled=False) is None
