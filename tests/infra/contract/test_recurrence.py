from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as some

from infra.contract.recurrence import next_after, occurrences
from infra.contract.refusals import Reason, Refused

MONDAY = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
DAY_NAMES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def test_a_weekly_meeting_is_on_the_same_weekday_at_the_same_time() -> None:
    first = occurrences("FREQ=WEEKLY", MONDAY, MONDAY - timedelta(seconds=1), 3)

    assert first == [MONDAY, MONDAY + timedelta(days=7), MONDAY + timedelta(days=14)]


def test_what_follows_is_later_than_what_was() -> None:
    assert next_after("RRULE:FREQ=WEEKLY;BYDAY=MO,WE", MONDAY, MONDAY) == datetime(
        2026, 1, 7, 9, 30, tzinfo=UTC
    )


@pytest.mark.parametrize("rule", ["FREQ=DAILY;COUNT=2", "FREQ=DAILY;UNTIL=20260106T093000Z"])
def test_a_series_ends_with_its_last_occurrence(rule: str) -> None:
    last = MONDAY + timedelta(days=1)

    assert next_after(rule, MONDAY, MONDAY) == last
    assert next_after(rule, MONDAY, last) is None


def test_a_start_in_another_zone_is_the_same_moment() -> None:
    elsewhere = MONDAY.astimezone(tz=timezone(timedelta(hours=1)))

    assert next_after("FREQ=DAILY", elsewhere, MONDAY) == MONDAY + timedelta(days=1)


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "weekly",
        "FREQ=",
        "FREQ=SECONDLY",
        "FREQ=MINUTELY",
        "FREQ=FORTNIGHTLY",
        "INTERVAL=2",
        "FREQ=DAILY;FREQ=DAILY",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;INTERVAL=1001",
        "FREQ=DAILY;INTERVAL=٣",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;COUNT=10001",
        "FREQ=DAILY;COUNT=3;UNTIL=20260201T000000Z",
        "FREQ=DAILY;UNTIL=20260201",
        "FREQ=DAILY;UNTIL=20260201T000000",
        "FREQ=DAILY;UNTIL=20261301T000000Z",
        "FREQ=DAILY;BYSECOND=1",
        "FREQ=DAILY;BYMINUTE=0,1,2",
        "FREQ=DAILY;BYEASTER=0",
        "FREQ=DAILY;BYHOUR=24",
        "FREQ=WEEKLY;BYDAY=1MO",
        "FREQ=WEEKLY;BYMONTHDAY=1",
        "FREQ=MONTHLY;BYDAY=54MO",
        "FREQ=MONTHLY;BYDAY=0MO",
        "FREQ=MONTHLY;BYDAY=XX",
        "FREQ=MONTHLY;BYMONTHDAY=0",
        "FREQ=MONTHLY;BYMONTHDAY=32",
        "FREQ=MONTHLY;BYSETPOS=1",
        "FREQ=MONTHLY;BYWEEKNO=1",
        "FREQ=YEARLY;BYWEEKNO=1;BYDAY=2MO",
        "FREQ=HOURLY;INTERVAL=24;BYHOUR=3",
        "DTSTART:20260101T000000Z\nRRULE:FREQ=DAILY",
    ],
)
def test_what_is_not_a_rule_for_meetings_is_refused(rule: str) -> None:
    with pytest.raises(Refused) as no:
        next_after(rule, MONDAY, MONDAY)

    assert no.value.refusal.reason is Reason.BAD_RECURRENCE


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYWEEKNO=1;BYMONTH=6",
        "FREQ=DAILY;BYDAY=MO;BYSETPOS=2",
        "FREQ=DAILY;INTERVAL=7;BYDAY=SU",
    ],
)
def test_a_rule_that_fits_no_day_says_so_soon(rule: str) -> None:
    # Processor time: dateutil alone needs three to five seconds for the worst of these.
    begun = time.process_time()

    assert next_after(rule, MONDAY, MONDAY) is None
    assert time.process_time() - begun < 1.5


def test_a_series_too_long_to_look_through_is_refused() -> None:
    with pytest.raises(Refused) as no:
        next_after("FREQ=HOURLY", MONDAY.replace(year=1970), MONDAY)

    assert no.value.refusal.reason is Reason.BAD_RECURRENCE


def _numbers(least: int, most: int, negative: bool = False) -> some.SearchStrategy[str]:
    one = some.integers(least, most)
    if negative:
        one |= some.integers(-most, -least)
    return some.lists(one, min_size=1, max_size=3, unique=True).map(
        lambda numbers: ",".join(map(str, numbers))
    )


@some.composite
def rules(draw: some.DrawFn) -> str:
    freq = draw(some.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY"]))
    parts = {"FREQ": freq, "INTERVAL": str(draw(some.integers(1, 4)))}
    days = some.sampled_from(DAY_NAMES)
    if freq in ("MONTHLY", "YEARLY"):
        nth = some.sampled_from(["", "1", "2", "+3", "-1"])
        days = some.tuples(nth, days).map("".join)
    offered = {
        "BYMONTH": _numbers(1, 12),
        "BYDAY": some.lists(days, min_size=1, max_size=3, unique=True).map(",".join),
        "BYHOUR": _numbers(0, 23),
        "WKST": some.sampled_from(DAY_NAMES),
        "COUNT": some.integers(1, 40).map(str),
        "UNTIL": some.datetimes(MONDAY.replace(tzinfo=None), datetime(2030, 1, 1)).map(
            "{:%Y%m%dT%H%M%SZ}".format
        ),
    }
    if freq != "WEEKLY":
        offered["BYMONTHDAY"] = _numbers(1, 28, negative=True)
    for name in draw(some.lists(some.sampled_from(sorted(offered)), unique=True, max_size=3)):
        if not (name in ("COUNT", "UNTIL") and parts.keys() & {"COUNT", "UNTIL"}):
            parts[name] = draw(offered[name])
    counted = freq in ("MONTHLY", "YEARLY") and bool(parts.keys() & {"BYDAY", "BYMONTHDAY"})
    if counted and draw(some.booleans()):
        parts["BYSETPOS"] = draw(_numbers(1, 3, negative=True))
    return ";".join(f"{name}={value}" for name, value in parts.items())


@settings(max_examples=150, deadline=None)
@given(
    rule=rules(),
    start=some.datetimes(datetime(2024, 1, 1), datetime(2028, 12, 31)),
    later=some.timedeltas(timedelta(days=-3), timedelta(days=400)),
)
def test_every_rule_gives_what_it_gives_counted_through_from_its_start(
    rule: str, start: datetime, later: timedelta
) -> None:
    start = start.replace(tzinfo=UTC, microsecond=0)
    after = start + later
    until = start + timedelta(days=3 * 365)

    try:
        ours = occurrences(rule, start, after, 5)
    except Refused:
        # Every hour it names is passed over by its interval.
        with pytest.raises(ValueError, match="empty set"):
            rrulestr(rule, dtstart=start)
        return

    # Brute force, but not past a horizon, for rules that fit no day.
    theirs = itertools.takewhile(lambda at: at <= until, rrulestr(rule, dtstart=start))
    expected = list(itertools.islice((at for at in theirs if at > after), 5))
    assert [at for at in ours if at <= until] == expected
