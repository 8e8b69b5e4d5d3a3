from __future__ import annotations

from tests.workers.webhooks.conftest import Post
from workers.webhooks import keeping


def test_what_waits_for_a_transcript_holds_up_nothing_else_and_comes_after_it(
    post: Post,
) -> None:
    post.endpoint()
    recording = post.recorded()
    post.house.come(post.room)
    post.deliver()
    assert [one["type"] for one in post.heard()] == ["participant.joined"]

    post.transcribed(recording)
    post.deliver()

    assert post.seqs() == sorted(post.seqs())
    assert [one["type"] for one in post.heard()][1:] == [
        "meeting.recording_ready",
        "meeting.transcript_ready",
    ]


def test_a_transcript_that_takes_too_long_is_not_waited_for(post: Post) -> None:
    post.endpoint("meeting.recording_ready", "participant.joined")
    post.recorded()
    post.house.come(post.room)
    post.turn(minutes=59)
    keeping.release_overdue(post.tools)
    post.deliver()
    assert [one["type"] for one in post.heard()] == ["participant.joined"]

    post.turn(minutes=2)
    keeping.release_overdue(post.tools)
    post.deliver()

    _, ready = post.heard()
    assert ready["type"] == "meeting.recording_ready"
    assert ready["recording"]["status"] == "ready"
    assert post.seqs() == sorted(post.seqs())
