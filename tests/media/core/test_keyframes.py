"""Many who want a keyframe, one publisher who is asked."""

from __future__ import annotations

from media.core.keyframes import ASK_AGAIN_AFTER, KeyframeAsker


def requests(asker: KeyframeAsker, *, start: float, seconds: float) -> list[float]:
    """When requests went out, with the timer looked at every 10 ms."""
    sent = []
    for step in range(int(seconds * 100) + 1):
        now = start + step / 100
        asker.handle_timer(now=now)
        if asker.take_request():
            sent.append(now)
    return sent


def test_many_who_want_one_ask_once() -> None:
    asker = KeyframeAsker()

    asker.want(now=10.0)
    asker.want(now=10.1)

    assert asker.take_request()
    assert not asker.take_request()


def test_the_publisher_is_asked_again_until_it_complies() -> None:
    asker = KeyframeAsker()
    asker.want(now=10.0)

    before = requests(asker, start=10.0, seconds=1.2)
    asker.keyframe_arrived()
    after = requests(asker, start=11.3, seconds=2.0)

    assert before == [10.0, 10.5, 11.0]
    assert after == []


def test_wanting_again_just_after_a_keyframe_waits_its_turn() -> None:
    asker = KeyframeAsker()
    asker.want(now=10.0)
    asker.take_request()
    asker.keyframe_arrived()

    asker.want(now=10.2)

    assert not asker.take_request()
    assert requests(asker, start=10.2, seconds=0.4) == [10.0 + ASK_AGAIN_AFTER]


def test_a_thousand_wishes_a_second_are_two_requests_a_second() -> None:
    asker = KeyframeAsker()
    sent = 0

    for step in range(5_000):
        asker.want(now=10 + step / 1_000)
        sent += asker.take_request()
        if step % 7 == 0:
            asker.keyframe_arrived()
        asker.handle_timer(now=10 + step / 1_000)
        sent += asker.take_request()

    assert sent <= 10
