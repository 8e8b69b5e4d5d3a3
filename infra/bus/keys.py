"""Every Redis key, in one place. All of it may vanish at any time: the database is the truth."""

from __future__ import annotations

from infra.contract.ids import ParticipantId, PodId, RoomId, SpoolId

PREFIX = "parley"
DRAMATIQ_NAMESPACE = f"{PREFIX}:dramatiq"

COMMANDS = "commands"
RECORDINGS = "recordings"
TRANSCRIPTS = "transcripts"
WEBHOOKS = "webhooks"


def uploads(spool: SpoolId) -> str:
    """The queue of the worker that sits beside this spool."""
    return f"uploads.{spool}"


def lease(room: RoomId) -> str:
    """JSON {pod, epoch}; expires unless its pod renews it. Written by the rooms' owner."""
    return f"{PREFIX}:lease:{room}"


def pod(pod: PodId) -> str:
    """JSON `PodReport`; expires unless the pod renews it."""
    return f"{PREFIX}:pod:{pod}"


PODS = f"{PREFIX}:pods"
"Set of pod ids that have reported; the dead are removed by whoever finds them gone."


def orders(pod: PodId) -> str:
    """Stream of live commands for one pod, read through the consumer group `pod`."""
    return f"{PREFIX}:orders:{pod}"


def signals(room: RoomId) -> str:
    """Pub/sub channel: a room's events and signals, as they happen."""
    return f"{PREFIX}:room:{room}"


def tracks(room: RoomId) -> str:
    """JSON list of `TrackView`: what is published in the room now. Written by its pod."""
    return f"{PREFIX}:tracks:{room}"


def figures(room: RoomId) -> str:
    """JSON `LiveFigures`: what the room's pod measured last. Gone when the pod stops saying it."""
    return f"{PREFIX}:figures:{room}"


def stamp(room: RoomId) -> str:
    """Set anew by workers after every commit that touches the room; gone when long unchanged."""
    return f"{PREFIX}:stamp:{room}"


STAMP_S = 600
"Seconds a room's stamp is kept after its last change, or after it was first asked for."


def presence(room: RoomId, participant: ParticipantId) -> str:
    """Lives on for `PRESENCE_S` and `HEARD_S` after the last sign of the participant: who has more
    than `HEARD_S` left is there, and of who has less it tells when they were heard last."""
    return f"{PREFIX}:presence:{room}:{participant}"


PRESENCE_S = 16
"""Seconds somebody counts as present after the last sign of them. With the sweep that finds it out,
whoever vanishes is gone within 20 s. Shorter: who speaks to us every 5 s may miss fewer times."""
HEARD_S = 60
"Seconds more until it is forgotten when that was. Longer than sweeps are ever apart."


def worker(queue: str, name: str) -> str:
    """Exists while a worker process consumes the queue."""
    return f"{PREFIX}:worker:{queue}:{name}"


WORKERS = f"{PREFIX}:workers"
"Set of QUEUE:NAME that have been seen; whoever finds one gone removes it."


def knocks(queue: str) -> str:
    """Pub/sub channel: something may be due in the queue. Who misses it looks by itself."""
    return f"{PREFIX}:knock:{queue}"


PERIODIC = f"{PREFIX}:periodic"
"Name of the worker that runs the periodic functions now; expires unless it renews it."


def replies(process: str) -> str:
    """List of outcomes for one asking process. In the messages' database, beside the queues."""
    return f"{PREFIX}:replies:{process}"
