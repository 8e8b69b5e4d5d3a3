"""When a series takes place: RFC 5545's recurrence rules (section 3.3.10), counted in UTC.

Rules of meetings: at most one an hour, so FREQ is HOURLY or rarer, and minutes and seconds are
those of the start. UNTIL is a UTC date-time, as the RFC wants beside a start in UTC.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from dateutil import rrule

from infra.contract.refusals import Reason, Refused, refuse

MOST_LOOKED_AT = 100_000
"Occurrences passed over to find those wanted: eleven years of every hour. More refuses."

_ERA = 400
"Years after which the Gregorian calendar repeats, weekdays and all (146,097 days, 20,871 weeks)."
_LAST_START = 9799
_FREQUENCIES = {
    "YEARLY": rrule.YEARLY,
    "MONTHLY": rrule.MONTHLY,
    "WEEKLY": rrule.WEEKLY,
    "DAILY": rrule.DAILY,
    "HOURLY": rrule.HOURLY,
}
_DAYS = {
    "MO": rrule.MO,
    "TU": rrule.TU,
    "WE": rrule.WE,
    "TH": rrule.TH,
    "FR": rrule.FR,
    "SA": rrule.SA,
    "SU": rrule.SU,
}
_DAY = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
_UNTIL = re.compile(r"[0-9]{8}T[0-9]{6}Z", re.ASCII)


def occurrences(rule: str, starts_at: datetime, after: datetime, limit: int) -> list[datetime]:
    """The first `limit` occurrences later than `after` of a series that starts at `starts_at`.

    Fewer when the series ends. Work is bounded, whatever the rule. Refuses BAD_RECURRENCE.
    """
    era = (_LAST_START - starts_at.astimezone(UTC).year) // _ERA * _ERA
    found: list[datetime] = []
    for looked_at, occurrence in enumerate(_shifted(rule, starts_at, era)):
        if looked_at >= MOST_LOOKED_AT:
            raise _bad("it has too many occurrences")
        at = occurrence.replace(year=occurrence.year - era, tzinfo=UTC)
        if at > after:
            found.append(at)
        if len(found) >= limit:
            break
    return found


def next_after(rule: str, starts_at: datetime, after: datetime) -> datetime | None:
    """The occurrence that follows `after`; None: the series is over. Refuses BAD_RECURRENCE."""
    return next(iter(occurrences(rule, starts_at, after, 1)), None)


def _shifted(rule: str, starts_at: datetime, era: int) -> Iterator[datetime]:
    """The series as it would be some eras later.

    A rule that fits no day is looked through to the year 9999, which takes seconds from today's
    years and little from the last ones. It is the same calendar.
    """
    start = starts_at.astimezone(UTC).replace(tzinfo=None)
    parts = _parts(rule)
    until = parts.pop("until", None)
    if until is not None:
        late = until.year + era > datetime.max.year
        parts["until"] = datetime.max if late else until.replace(year=until.year + era)
    try:
        return iter(rrule.rrule(dtstart=start.replace(year=start.year + era), **parts))
    except ValueError as wrong:
        raise _bad(str(wrong)) from wrong


def _parts(rule: str) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for part in rule.strip().removeprefix("RRULE:").removesuffix(";").upper().split(";"):
        name, _, value = part.partition("=")
        if name not in _PARTS:
            raise _bad(f"{name[:40]!r} is not something a rule can say here")
        key, reader = _PARTS[name]
        if key in read:
            raise _bad(f"{name} is said twice")
        try:
            read[key] = reader(value)
        except (ValueError, KeyError) as wrong:
            raise _bad(f"{name} cannot be {value[:40]!r}") from wrong
    if "freq" not in read:
        raise _bad("FREQ is missing")
    if "count" in read and "until" in read:
        # "… the 'UNTIL' and 'COUNT' rule parts MUST NOT occur in the same 'recur'."
        raise _bad("COUNT and UNTIL exclude each other")
    _check_days(read)
    return read


def _check_days(read: dict[str, Any]) -> None:
    """What the RFC says of parts that do not go together."""
    freq = read["freq"]
    by_day = read.get("byweekday", ())
    if any(day.n for day in by_day) and (
        freq not in (rrule.MONTHLY, rrule.YEARLY) or "byweekno" in read
    ):
        raise _bad("BYDAY counts weekdays in months and years alone")
    if "byweekno" in read and freq != rrule.YEARLY:
        raise _bad("BYWEEKNO is for yearly rules")
    if "byyearday" in read and freq not in (rrule.YEARLY, rrule.HOURLY):
        raise _bad("BYYEARDAY is for yearly rules")
    if "bymonthday" in read and freq == rrule.WEEKLY:
        raise _bad("BYMONTHDAY is not for weekly rules")
    if "bysetpos" in read and not any(key in read for key in _BY if key != "bysetpos"):
        raise _bad("BYSETPOS chooses among what another part names")


def _bad(detail: str) -> Refused:
    return refuse(Reason.BAD_RECURRENCE, f"recurrence: {detail}")


def _one(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isascii() or not text.removeprefix("-").removeprefix("+").isdigit():
            raise ValueError(text)
        number = int(text)
        if not least <= number <= most:
            raise ValueError(text)
        return number

    return read


def _several(least: int, most: int) -> Callable[[str], list[int]]:
    one = _one(least, most)

    def read(text: str) -> list[int]:
        return [one(number) for number in text.split(",")]

    return read


def _either_way(most: int) -> Callable[[str], list[int]]:
    """1 to `most`, or as many from the end."""
    several = _several(-most, most)

    def read(text: str) -> list[int]:
        numbers = several(text)
        if 0 in numbers:
            raise ValueError(text)
        return numbers

    return read


def _days(text: str) -> list[rrule.weekday]:
    days = []
    for named in text.split(","):
        match = _DAY.fullmatch(named)
        if match is None:
            raise ValueError(text)
        nth, day = match.groups()
        if nth is not None and not 1 <= abs(int(nth)) <= 53:
            raise ValueError(text)
        days.append(_DAYS[day](int(nth)) if nth else _DAYS[day])
    return days


def _until(text: str) -> datetime:
    if _UNTIL.fullmatch(text) is None:
        raise ValueError(text)
    return datetime.strptime(text, "%Y%m%dT%H%M%SZ")


_PARTS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "FREQ": ("freq", _FREQUENCIES.__getitem__),
    "INTERVAL": ("interval", _one(1, 1000)),
    "COUNT": ("count", _one(1, 10_000)),
    "UNTIL": ("until", _until),
    "WKST": ("wkst", _DAYS.__getitem__),
    "BYMONTH": ("bymonth", _several(1, 12)),
    "BYMONTHDAY": ("bymonthday", _either_way(31)),
    "BYYEARDAY": ("byyearday", _either_way(366)),
    "BYWEEKNO": ("byweekno", _either_way(53)),
    "BYDAY": ("byweekday", _days),
    "BYHOUR": ("byhour", _several(0, 23)),
    "BYSETPOS": ("bysetpos", _either_way(366)),
}
_BY = [key for _, (key, _) in _PARTS.items() if key.startswith("by")]
