"""A track's files, read and cut by a child process: one made to harm a decoder harms only that."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from workers.child import Child, ChildDied, ChildRefused, Limits, serve
from workers.transcripts.track import Loss, Piece, Region, Segment, Undecodable

LIMITS = Limits(memory_bytes=2 * 1024**3, open_files=64)
AHEAD_MS = 150_000
"How far a reader may be ahead of the piece it gives: a window, and a block."
WITHIN = 300.0
"Seconds until the next piece. A day of silence is looked through in less."


def read_pieces(
    segments: Sequence[Segment],
    *,
    from_ms: int = 0,
    first: int = 0,
    within: float = WITHIN,
    limits: Limits = LIMITS,
) -> Generator[Piece, None, None]:
    """The pieces of a track from `from_ms` on, numbered from `first`, each when it is asked for.

    Raises Undecodable, or ChildDied when a file was the child's end. Closing the iterator ends the
    child.
    """
    child = Child("workers.transcripts.reader", limits)
    try:
        child.send(
            {
                "segments": [
                    {"path": str(s.path) if s.path else None, "t0_ms": s.t0_ms, "dur_ms": s.dur_ms}
                    for s in segments
                ],
                "from_ms": from_ms,
                "first": first,
            }
        )
        while True:
            head, bodies = child.receive(within=within)
            if head.get("done"):
                return
            yield unpacked(head, bodies)
    except ChildRefused as refusal:
        raise Undecodable(str(refusal)) from refusal
    finally:
        child.kill()


def survivors(
    segments: Sequence[Segment],
    *,
    from_ms: int,
    first: int,
    within: float = WITHIN,
    read: Callable[..., Generator[Piece, None, None]] = read_pieces,
    ahead_ms: int = AHEAD_MS,
) -> Generator[Piece, None, None]:
    """The pieces as `read_pieces` gives them, whatever the files do to whoever reads them.

    A reader that dies is started again where it stopped; one that dies there again goes on without
    the segments just ahead, which count as unreadable. Raises Undecodable, also when the only file
    there is kills its readers.
    """
    died_at, deaths = -1, 0
    while True:
        try:
            with closing(read(segments, from_ms=from_ms, first=first, within=within)) as pieces:
                for piece in pieces:
                    yield piece
                    from_ms, first = piece.end_ms, piece.n + 1
            return
        except ChildDied as death:
            deaths = deaths + 1 if died_at == from_ms else 1
            died_at = from_ms
            if deaths > 1:
                segments = _without(segments, from_ms, from_ms + (deaths - 1) * ahead_ms, death)


def _without(
    segments: Sequence[Segment], from_ms: int, until_ms: int, death: ChildDied
) -> list[Segment]:
    """The segments, those that lie between without their files."""
    kept = []
    for segment in segments:
        if segment.dur_ms is None:
            raise Undecodable("reading the file kills whoever does") from death
        between = segment.t0_ms < until_ms and segment.t0_ms + segment.dur_ms > from_ms
        kept.append(replace(segment, path=None) if between else segment)
    return kept


def packed(piece: Piece) -> tuple[dict[str, Any], list[bytes]]:
    """The piece as a message: a JSON head, and the samples of each region."""
    head = {
        "n": piece.n,
        "start_ms": piece.start_ms,
        "end_ms": piece.end_ms,
        "regions": [{"start_ms": r.start_ms, "voice": r.voice} for r in piece.regions],
        "losses": [[loss.start_ms, loss.missing_ms, loss.reason] for loss in piece.losses],
    }
    return head, [region.samples.tobytes() for region in piece.regions]


def unpacked(head: dict[str, Any], bodies: list[bytes]) -> Piece:
    """The piece such a message holds."""
    return Piece(
        n=head["n"],
        start_ms=head["start_ms"],
        end_ms=head["end_ms"],
        regions=tuple(
            Region(r["start_ms"], np.frombuffer(body, np.float32), tuple(map(tuple, r["voice"])))
            for r, body in zip(head["regions"], bodies, strict=True)
        ),
        losses=tuple(Loss(*loss) for loss in head["losses"]),
    )


def _answer(head: dict[str, Any], _: list[bytes]) -> Iterator[tuple[dict[str, Any], list[bytes]]]:
    # Only the child needs decoders and the voice detector.
    from workers.transcripts.decode import read_timeline
    from workers.transcripts.pieces import cut

    segments = [
        Segment(Path(s["path"]) if s["path"] else None, s["t0_ms"], s["dur_ms"])
        for s in head["segments"]
    ]
    losses: list[Loss] = []
    blocks = read_timeline(segments, losses, from_ms=head["from_ms"])
    for piece in cut(blocks, losses, from_ms=head["from_ms"], first=head["first"]):
        yield packed(piece)
    yield {"done": True}, []


if __name__ == "__main__":
    serve(_answer, refusals=(Undecodable,))
