"""Packets that were dropped while capturing: statements and counts of the same ones, section by section."""

from __future__ import annotations

from rtmpsniff.capture.drops import UNKNOWN, Drops


def test_a_file_that_says_nothing() -> None:
    drops = Drops()
    drops.begin_section()
    drops.state(0, [])
    drops.state(0, [UNKNOWN])
    drops.count(0, UNKNOWN)
    drops.count_obsolete(0, 0xFFFF)
    assert drops.total is None


def test_interfaces_are_added_and_the_latest_statement_holds() -> None:
    drops = Drops()
    drops.state(0, [3, 1])
    drops.state(0, [5, UNKNOWN])
    drops.state(1, [2])
    assert drops.total == 7


def test_packets_tell_of_what_statistics_tell_too() -> None:
    drops = Drops()
    for _ in range(4):
        drops.count(0, 2)
    drops.state(0, [6])
    assert drops.total == 8
    drops.state(0, [9])
    assert drops.total == 9


def test_a_section_begins_anew() -> None:
    drops = Drops()
    drops.state(0, [6])
    drops.begin_section()
    drops.count(0, 1)
    assert drops.total == 7
    assert repr(drops) == "<Drops 7>"
