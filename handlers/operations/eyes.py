"""Whose eyes a room's events are for: what is left of each for one reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from infra.contract.events import RoomEvent
from infra.contract.ids import ParticipantId

HIDDEN = ("email", "phone")
"Of a participant, for everybody but hosts and themselves."


@dataclass(frozen=True, slots=True)
class Reader:
    participant_id: ParticipantId | None
    "None: somebody without a seat."
    leads: bool

    def see(self, news: RoomEvent) -> RoomEvent | None:
        """The event as this reader may see it; None: not at all."""
        data = news.data
        seen_by = _SEEN_BY.get(news.kind)
        if seen_by is not None and not seen_by(self, data):
            return None
        participant = data.get("participant")
        if participant is None or self.leads or self._is(participant.get("id")):
            return news
        shown = {name: value for name, value in participant.items() if name not in HIDDEN}
        return news.model_copy(update={"data": {**data, "participant": shown}})

    def _is(self, participant: Any) -> bool:
        return self.participant_id is not None and str(self.participant_id) == participant

    def _sees_message(self, data: Mapping[str, Any]) -> bool:
        message = data["message"]
        to = message.get("to", "all")
        if to == "all" or self._is(message["participant_id"]):
            return True
        if to == "host":
            return self.leads
        return self._is(message.get("recipient_id"))

    def _sees_door(self, data: Mapping[str, Any]) -> bool:
        return self.leads or self._is(data["participant"]["id"])

    def _sees_guests(self, data: Mapping[str, Any]) -> bool:
        return self.leads or bool(data.get("notify", True))

    def _sees_change(self, data: Mapping[str, Any]) -> bool:
        if self._is(data["participant"]["id"]):
            return bool(data.get("notify_participant", True))
        return self._sees_guests(data)

    def _sees_removal(self, data: Mapping[str, Any]) -> bool:
        if self._is(data["participant"]["id"]):
            return bool(data.get("notify_removed", True))
        return self._sees_guests(data)


_SEEN_BY: Mapping[str, Callable[[Reader, Mapping[str, Any]], bool]] = {
    "chat.message": Reader._sees_message,
    "participant.waiting": Reader._sees_door,
    "participant.admitted": Reader._sees_door,
    "participant.denied": Reader._sees_door,
    "participant.invited": Reader._sees_guests,
    "participant.updated": Reader._sees_change,
    "participant.removed": Reader._sees_removal,
}
"Anything else is for everybody in the room."
