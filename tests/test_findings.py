"""The catalog of rules: codes are stable, and each is used."""

from __future__ import annotations

import re
from pathlib import Path

import rtmpsniff
from rtmpsniff import findings
from rtmpsniff.findings import RULES, Evidence, Finding, Rule, Severity

PACKAGE = Path(rtmpsniff.__file__).parent


def test_codes_are_unique_and_have_a_subject() -> None:
    codes = [rule.code for rule in RULES]
    assert len(set(codes)) == len(codes)
    assert [code for code in codes if not re.fullmatch(r"[a-z]+\.[a-z0-9_]+", code)] == []


def test_every_constant_is_in_the_catalog() -> None:
    constants = {name: value for name, value in vars(findings).items() if name.isupper() and isinstance(value, Rule)}
    assert set(constants.values()) == set(RULES)
    assert constants["AMF_MALFORMED"].code == "amf.malformed"


def test_titles_are_said_once() -> None:
    titles = [rule.title for rule in RULES]
    assert len(set(titles)) == len(titles)
    assert all(titles)


def test_every_rule_is_used_somewhere() -> None:
    sources = "".join(path.read_text() for path in PACKAGE.rglob("*.py") if path.name != "findings.py")
    names = [name for name, value in vars(findings).items() if isinstance(value, Rule)]
    assert [name for name in names if not re.search(rf"\b{name}\b", sources)] == []


def test_severities_are_the_words_that_are_shown() -> None:
    assert [severity.value for severity in Severity] == ["error", "warning", "note"]


def test_a_finding_knows_nothing_of_its_place_until_somebody_says_it() -> None:
    finding = Finding(findings.AMF_MALFORMED, Severity.ERROR, "broken", (Evidence("here", 3, 1, in_message=True),))
    assert (finding.connection, finding.sender, finding.time, finding.packet, finding.messages) == (0, "", 0, 0, ())


def test_a_finding_in_a_message_names_its_place_by_the_title_or_by_a_text() -> None:
    titled = findings.in_message(findings.AAC_ADTS, Severity.ERROR, "a title", 2, 7)
    named = findings.in_message(findings.AAC_ADTS, Severity.ERROR, "a title", 2, 7, "a place")
    assert titled.evidence == (Evidence("a title", 2, 7, in_message=True),)
    assert named.evidence == (Evidence("a place", 2, 7, in_message=True),)
    assert (named.title, named.sender) == ("a title", "")
