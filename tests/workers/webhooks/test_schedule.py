from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from workers.webhooks.schedule import TRIES, WAITS_S, Verdict, judge

NOW = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)


def test_there_are_eight_tries_over_more_than_a_day() -> None:
    assert TRIES == 8
    assert sum(WAITS_S) > 24 * 3600


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_only_2xx_is_a_success(status: int) -> None:
    assert judge(status, tries=1, now=NOW).verdict is Verdict.DELIVERED


@pytest.mark.parametrize("status", [None, 100, 301, 302, 307, 308, 408, 425, 429, 500, 502, 503])
def test_what_may_pass_is_tried_again_later_and_later_until_the_last_try(
    status: int | None,
) -> None:
    judged = [judge(status, tries=tries, now=NOW) for tries in range(1, TRIES + 1)]

    assert {one.verdict for one in judged[:-1]} == {Verdict.AGAIN}
    for one, wait_s in zip(judged, WAITS_S, strict=False):
        assert wait_s <= one.wait_s <= wait_s * 1.1
    assert judged[-1].verdict is Verdict.NEVER


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 422, 451])
def test_a_refusal_is_for_good(status: int) -> None:
    assert judge(status, tries=1, now=NOW).verdict is Verdict.NEVER


def test_who_is_gone_is_gone() -> None:
    assert judge(410, tries=1, now=NOW).verdict is Verdict.GONE


@pytest.mark.parametrize("status", [408, 425, 429, 503])
def test_a_receiver_may_ask_us_to_wait_longer_but_not_for_ever(status: int) -> None:
    def wait_s(retry_after: str) -> float:
        return judge(status, tries=1, now=NOW, retry_after=retry_after).wait_s

    assert wait_s("900") == 900
    assert wait_s(format_datetime(NOW + timedelta(seconds=900), usegmt=True)) == 900
    assert wait_s("99999999999999") == 24 * 3600
    assert 30 <= wait_s("1") <= 33
    assert 30 <= wait_s("soon") <= 33
    assert 30 <= wait_s("-5") <= 33


def test_waits_differ_so_that_what_failed_together_does_not_come_back_together() -> None:
    assert len({judge(500, tries=1, now=NOW).wait_s for _ in range(20)}) > 1
