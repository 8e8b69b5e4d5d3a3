"""Entity tags (RFC 9110, section 8.8.3) of what is changed and has no version of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Final

from infra.contract.messages import Message
from infra.contract.refusals import Reason, refuse
from infra.contract.views import ParticipantView

HAPPENS: Final[Mapping[type[Message], frozenset[str]]] = {
    ParticipantView: frozenset(
        {"joined_at", "left_at", "held_at", "asked_at", "admission", "invitation"}
    ),
}
"What comes and goes by itself: a change of it is no change of what an update may change."


def etag_of(view: Message) -> str:
    """The same for the same content, wherever it was read and in whatever order its keys came."""
    shown = view.model_dump(mode="json", exclude=set(HAPPENS.get(type(view), ())))
    text = json.dumps(shown, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def require_match(view: Message, if_match: str | None) -> None:
    """Refuses PRECONDITION_FAILED when this is not what the asker last saw; None: they do not mind.

    To be called in the transaction that changes it.
    """
    if if_match is not None and if_match != etag_of(view):
        raise refuse(Reason.PRECONDITION_FAILED)
