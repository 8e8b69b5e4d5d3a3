"""What a client's description offers, in the words of the room's plan."""

from __future__ import annotations

from infra.contract.ids import ParticipantId, TrackId, new_id
from infra.contract.live import Publish, Source
from infra.contract.refusals import Reason, refuse
from infra.contract.views import TrackView
from media.core.room import Kind, Line
from media.io.sdp import MLine, Offer

_SOURCES: dict[Source, Kind] = {
    "microphone": "audio",
    "camera": "video",
    "screen": "video",
    "screen_audio": "audio",
}
_UNNAMED: dict[str, Source] = {"audio": "microphone", "video": "camera"}


def read_sources(order: Publish, offer: Offer) -> dict[str, Source]:
    """What each m-line carries, by mid. Raises `Refused` for a name that cannot be."""
    named = {each.mid: each.source for each in order.tracks}
    mids = {line.mid for line in offer.lines}
    if not named.keys() <= mids:
        raise refuse(Reason.BAD_DESCRIPTION, "a track is named that no m-line offers")
    found: dict[str, Source] = {}
    for line in offer.usable:
        found[line.mid] = named.get(line.mid, _UNNAMED[line.kind])
        if _SOURCES[found[line.mid]] != line.kind:
            raise refuse(Reason.BAD_DESCRIPTION, f"{found[line.mid]} is not {line.kind}")
    return found


def plan_line(line: MLine) -> Line:
    return Line(line.mid, "audio" if line.kind == "audio" else "video")


def view_track(
    before: TrackView | None, line: MLine, owner: ParticipantId, source: Source
) -> TrackView:
    """The track on this line; `before`: as it was, if it was there before."""
    if before is not None:
        return before.model_copy(update={"source": source})
    return TrackView(
        track_id=TrackId(new_id()),
        participant_id=owner,
        kind=_SOURCES[source],
        source=source,
    )
