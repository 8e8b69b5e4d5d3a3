"""What somebody may send into a room: what it is meant for, and what hosts left them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from infra.contract.live import Source, TrackOffer
from infra.contract.permissions import Permission
from infra.contract.refusals import Reason, refuse
from infra.contract.views import ParticipantView, RoomConfig

_UNNAMED: dict[str, Source] = {"audio": "microphone", "video": "camera"}


def require_may_send(
    config: RoomConfig, seat: ParticipantView, offer: str, tracks: Sequence[TrackOffer] = ()
) -> None:
    """Refuses FEATURE_DISABLED and NOT_ALLOWED for any track that an SDP offer would send."""
    named = {track.mid: track.source for track in tracks}
    for line in _sent(offer):
        require_source(config, seat, named.get(line.mid, _UNNAMED[line.kind]))


def require_source(config: RoomConfig, seat: ParticipantView, source: Source) -> None:
    """Refuses FEATURE_DISABLED, NOT_ALLOWED."""
    match source:
        case "microphone":
            feature, is_on = "audio", config.audio_enabled
        case "camera":
            feature, is_on = "video", config.video_enabled
        case "screen" | "screen_audio":
            feature, is_on = "screen_sharing", config.screen_sharing_enabled
            if is_on and not seat.may(Permission.SHARE_SCREEN):
                raise refuse(Reason.NOT_ALLOWED, "sharing a screen needs a host's permission")
    if not is_on:
        raise refuse(Reason.FEATURE_DISABLED, feature)


@dataclass(slots=True)
class _Line:
    kind: str
    mid: str = ""
    sends: bool = True


def _sent(offer: str) -> Iterator[_Line]:
    """The m-lines that send. What of the offer makes no sense is left for its pod to refuse.

    RFC 8866, section 5.14: a port of zero rejects; section 6.7: without a direction it is both.
    """
    line: _Line | None = None
    direction = True
    for text in offer.splitlines():
        if text.startswith("m="):
            if line is not None and line.sends and line.kind in _UNNAMED:
                yield line
            kind, _, rest = text[2:].partition(" ")
            line = _Line(kind, sends=direction and rest.split(" ", 1)[0] != "0")
        elif text.startswith("a=mid:") and line is not None:
            line.mid = text.removeprefix("a=mid:").strip()
        elif text.strip() in ("a=recvonly", "a=inactive"):
            if line is None:
                direction = False
            else:
                line.sends = False
        elif text.strip() in ("a=sendrecv", "a=sendonly") and line is not None:
            # Of a session that is otherwise silent.
            line.sends = True
    if line is not None and line.sends and line.kind in _UNNAMED:
        yield line
