"""Times in every form, also those that no calendar has; the columns they stand in are in test_listing."""

from __future__ import annotations

import time

import pytest

from rtmpsniff.output.times import FIRST_SECOND, LAST_SECOND, Clock, TimeFormat, day_and_time, is_in_calendar

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND + 123_456_789


@pytest.mark.parametrize(
    ("form", "texts"),
    [
        ("relative", ["0.000000", "1.500000", "-0.000001"]),
        ("delta", ["0.000000", "1.500000", "-1.500001"]),
        ("epoch", ["1700000000.123456", "1700000001.623456", "1700000000.123455"]),
        ("utc", ["2023-11-14 22:13:20.123456", "2023-11-14 22:13:21.623456", "2023-11-14 22:13:20.123455"]),
    ],
)
def test_forms(form: TimeFormat, texts: list[str]) -> None:
    clock = Clock(form, lambda: START)
    assert [clock.text(time) for time in (START, START + 3 * SECOND // 2, START - 1000)] == texts


def test_what_no_calendar_has_is_a_number() -> None:
    far = (LAST_SECOND + 1) * SECOND
    assert Clock("utc", lambda: 0).text(far) == f"{LAST_SECOND + 1}.000000"
    assert day_and_time(LAST_SECOND * SECOND, utc=True).startswith("9999-01-01")


@pytest.mark.parametrize("form", ["utc", "local"])
@pytest.mark.parametrize("second", [-(10**18), -62_200_000_000, FIRST_SECOND - 1, LAST_SECOND + 1, 10**18])
def test_times_that_no_calendar_has_are_seconds(form: TimeFormat, second: int) -> None:
    assert Clock(form, lambda: 0).text(second * SECOND) == f"{second}.000000"


@pytest.mark.parametrize("second", [FIRST_SECOND, LAST_SECOND])
def test_the_first_and_the_last_day_have_a_date_in_every_zone(monkeypatch: pytest.MonkeyPatch, second: int) -> None:
    for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert is_in_calendar(second * SECOND)
        assert len(day_and_time(second * SECOND, utc=False)) >= 23
    monkeypatch.undo()
    time.tzset()
