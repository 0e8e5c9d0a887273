"""Civil dates from milliseconds, in UTC: nothing here knows the time zone of the machine.

Java: Calendar and SimpleDateFormat as common/UtilAll and MessageClientIDSetter use them.
"""

from typing import NamedTuple

from refimpl.model.ids import Millis

DAY = 86_400_000

_DAYS_OF_ERA = 146_097  # 400 years
_EPOCH = 719_468  # days from 0000-03-01 to 1970-01-01
_MARCH = 3
_FEBRUARY = 2
_MONTHS_BEFORE_NEW_YEAR = 10  # from March to December


class Civil(NamedTuple):
    """A moment in the proleptic Gregorian calendar."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    milli: int


def civil(millis: int) -> Civil:
    """The date and time of `millis` since the epoch."""
    days, rest = divmod(millis, DAY)
    era, day = divmod(days + _EPOCH, _DAYS_OF_ERA)
    year = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
    ordinal = day - (365 * year + year // 4 - year // 100)  # from the first of March
    shifted = (5 * ordinal + 2) // 153
    month = shifted + _MARCH if shifted < _MONTHS_BEFORE_NEW_YEAR else shifted - 9
    date = ordinal - (153 * shifted + 2) // 5 + 1
    seconds, milli = divmod(rest, 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return Civil(year + era * 400 + (month <= _FEBRUARY), month, date, hour, minute, second, milli)


def _days(year: int, month: int) -> int:
    """Days from the epoch to the first of a month."""
    if month <= _FEBRUARY:
        year, month = year - 1, month + 12
    ordinal = (153 * (month - _MARCH) + 2) // 5
    return 365 * year + year // 4 - year // 100 + year // 400 + ordinal - _EPOCH


def month_start(millis: int) -> Millis:
    """First millisecond of the month: client unique ids count from it."""
    now = civil(millis)
    return Millis(_days(now.year, now.month) * DAY)


def next_month_start(millis: int) -> Millis:
    """First millisecond of the following month."""
    now = civil(millis)
    later = (now.year + 1, 1) if now.month == 12 else (now.year, now.month + 1)  # noqa: PLR2004
    return Millis(_days(*later) * DAY)


def compact_millis(millis: int) -> str:
    """`yyyyMMddHHmmssSSS`. UtilAll#timeMillisToHumanString."""
    year, month, day, hour, minute, second, milli = civil(millis)
    return f"{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}{milli:03}"


def compact_seconds(millis: int) -> str:
    """`yyyyMMddHHmmss`: names of index files. UtilAll#timeMillisToHumanString3."""
    return compact_millis(millis)[:-3]


def readable(millis: int) -> str:
    """`yyyy-MM-dd HH:mm:ss,SSS`: remarks and logs. UtilAll#timeMillisToHumanString2."""
    year, month, day, hour, minute, second, milli = civil(millis)
    return f"{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02},{milli:03}"
