"""What shared objects hold, as one who listens on a connection can know it: what the server says is so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpsniff.analysis import shared_objects
from rtmpsniff.analysis.shared_objects import MOST_CHANGES, MOST_REQUESTS, Absence, SharedObjects, SharedObjectState
from rtmpsniff.api import connections
from rtmpsniff.findings import Finding, Severity
from rtmpsniff.payload.values import Object
from rtmpsniff.rtmp.events import Undecoded
from rtmpsniff.transport.connection import Sender
from tests.build import Amf3, amf0
from tests.payload.test_shared import event, head, key
from tests.payload.test_shared import messages as anything
from tests.rtmp.feeding import origin

if TYPE_CHECKING:
    from tests.conftest import MakeMessage

CAPTURES = Path(__file__).parents[2] / "captures"
SHARED = Path(__file__).parents[3] / "shared" / "captures"
ABSENT, UNSEEN, UNREAD = Absence.ABSENT, Absence.UNSEEN, Absence.UNREAD

USE, RELEASE, CLEAR, USE_SUCCESS = event(1), event(2), event(8), event(11)


def slots(**attributes: object) -> bytes:
    return b"".join(key(name) + amf0(value) for name, value in attributes.items())


def ask(**attributes: object) -> bytes:
    return event(3, slots(**attributes))


def change(**attributes: object) -> bytes:
    return event(4, slots(**attributes))


def success(*names: str) -> bytes:
    return event(5, b"".join(map(key, names)))


def remove(*names: str) -> bytes:
    return event(9, b"".join(map(key, names)))


def ask_removal(name: str) -> bytes:
    return event(10, key(name))


def refusal(code: str = "SharedObject.NoWriteAccess", level: str = "error") -> bytes:
    return event(7, key(code) + key(level))


class Table:
    """A connection on which things are said one after the other."""

    def __init__(self, message: MakeMessage) -> None:
        self.make = message
        self.observer = SharedObjects()
        self.number = 0
        self.findings: list[Finding] = []

    def say(
        self, sender: Sender, *events: bytes, name: str = "chat", version: int = 1, connection: int = 1, **changes: Any
    ) -> str:
        """Say it, and give what the observer remarks on it."""
        self.number += 1
        payload = head(name, version, changes.pop("flags", 0)) + b"".join(events)
        usual = {"connection": connection, "number": self.number, "last": origin(self.number)}
        message = self.make(19, payload, sender=sender, **(usual | changes))
        self.findings += self.observer.see(message)
        return "; ".join(message.notes.remarks) if message.notes else ""

    def client(self, *events: bytes, **changes: Any) -> str:
        return self.say("client", *events, **changes)

    def server(self, *events: bytes, **changes: Any) -> str:
        return self.say("server", *events, **changes)

    def lose(self, sender: Sender = "server", connection: int = 1) -> None:
        self.observer.see(Undecoded(connection, sender, 0, 10, 10, "never captured", origin(1), origin(1)))

    def state(self, name: str = "chat", connection: int = 1) -> SharedObjectState:
        return self.observer.objects(connection)[name]


@pytest.fixture
def table(message: MakeMessage) -> Table:
    return Table(message)


@pytest.fixture
def used(table: Table) -> Table:
    """The object is in use and holds a=1."""
    table.client(USE, version=0)
    table.server(USE_SUCCESS, CLEAR, change(a=1), version=5)
    return table


def history(state: SharedObjectState) -> list[tuple[Any, ...]]:
    return [
        (
            one.message,
            one.by,
            one.event,
            *((one.key, one.old, one.new) if one.key else ()),
            *filter(None, [one.request]),
        )
        for one in state.history
    ]


@pytest.mark.parametrize(
    ("broken", "held"),
    [
        (event(4, key("b") + b"\x03" + key("x") + b"\x00"), {"a": 1, "b": UNREAD}),  # an object that breaks off
        (event(4, key("c") + amf0(3) + key("b") + b"\x00"), {"a": 1, "c": 3, "b": UNREAD}),
        (event(4, key("b")[:-1]), {"a": 1}),
        (event(4, key("b") + amf0(2), length=500), {"a": 1, "b": 2}),
        (event(9, key("a") + b"\x00"), {}),
    ],
)
def test_what_breaks_off_may_have_said_more(message: MakeMessage, broken: bytes, held: dict[str, object]) -> None:
    table = Table(message)
    table.say("server", CLEAR, change(a=1))
    assert table.state().is_complete
    table.say("server", broken)
    assert table.state().attributes == held
    assert not table.state().is_complete


def test_a_request_that_breaks_off_is_answered_all_the_same(message: MakeMessage) -> None:
    table = Table(message)
    table.say("server", CLEAR, change(a=1))
    table.say("client", event(3, key("a") + b"\x03" + key("x") + b"\x00"))
    assert (
        table.say("server", success("a"))
        == "a=(not readable) (asked in #2), was 1; now holds 1 attribute: a=(not readable)"
    )


def test_an_object_holds_what_the_server_says(used: Table) -> None:
    state = used.state()
    assert (state.name, state.version, state.persistent) == ("chat", 5, False)
    assert state.attributes == {"a": 1.0}
    assert state.is_used
    assert state.is_complete
    assert history(state) == [
        (1, "client", "use"),
        (2, "server", "use_success"),
        (2, "server", "clear"),
        (2, "server", "change", "a", ABSENT, 1.0),
    ]
    assert state.history[3].time == origin(2).time


def test_a_wish_comes_true_with_success(used: Table) -> None:
    used.client(ask(a="x"), version=5)
    state = used.state()
    assert state.attributes == {"a": 1.0}
    assert [(one.message, one.key, one.value) for one in state.pending] == [(3, "a", "x")]
    assert used.server(success("a"), version=6) == 'a="x" (asked in #3), was 1; now holds 1 attribute: a="x"'
    assert state.attributes == {"a": "x"}
    assert state.version == 6
    assert state.pending == ()
    assert history(state)[-1] == (4, "client", "change", "a", 1.0, "x", 3)


def test_wishes_for_one_attribute_come_true_in_order(used: Table) -> None:
    used.client(ask(a=2), ask(b=True))
    used.client(ask(a=3))
    used.server(success("b", "a"))
    assert used.state().attributes == {"a": 2.0, "b": True}
    used.server(success("a"))
    assert used.state().attributes == {"a": 3.0, "b": True}


def test_others_change_it_too(used: Table) -> None:
    said = used.server(change(a=2, b="hi", c={"k": 1}), version=6)
    assert said == 'a was 1; now holds 3 attributes: a=2, b="hi", c={1 property}'
    assert used.state().attributes == {"a": 2.0, "b": "hi", "c": Object([("k", 1.0)])}
    assert history(used.state())[-3:] == [
        (3, "server", "change", "a", 1.0, 2.0),
        (3, "server", "change", "b", ABSENT, "hi"),
        (3, "server", "change", "c", ABSENT, Object([("k", 1.0)])),
    ]


def test_a_success_for_a_wish_that_was_not_captured(used: Table) -> None:
    assert used.server(success("a")) == "a was 1; now holds 1 attribute: a=(never captured)"
    assert used.state().attributes == {"a": UNSEEN}
    assert history(used.state())[-1] == (3, "client", "change", "a", 1.0, UNSEEN)


def test_attributes_are_removed(used: Table) -> None:
    assert used.server(remove("a", "never there")) == "a was 1; now holds nothing"
    assert used.state().attributes == {}
    assert history(used.state())[-2:] == [
        (3, "server", "remove", "a", 1.0, ABSENT),
        (3, "server", "remove", "never there", ABSENT, ABSENT),
    ]


@pytest.mark.parametrize("answer", [remove("a"), success("a")], ids=["remove", "success"])
def test_a_removal_that_the_client_asked_for(used: Table, answer: bytes) -> None:
    used.client(ask_removal("a"))
    assert used.state().pending[0].value is ABSENT
    used.server(answer)
    assert used.state().attributes == {}
    assert used.state().pending == ()
    assert history(used.state())[-1] == (4, "client", "remove", "a", 1.0, ABSENT, 3)


def test_a_removal_by_others_answers_no_wish_to_change(used: Table) -> None:
    used.client(ask(a=2))
    used.server(remove("a"))
    assert len(used.state().pending) == 1
    used.server(success("a"))
    assert used.state().attributes == {"a": 2.0}


def test_a_clear_empties_it(used: Table) -> None:
    assert used.server(CLEAR) == "now holds nothing"
    assert used.state().attributes == {}


def test_what_a_sender_has_no_right_to_say_changes_nothing(used: Table) -> None:
    before = len(used.state().history)
    said = used.client(CLEAR, change(a=9), success("a"), remove("a"), refusal(), USE_SUCCESS, version=99)
    used.server(USE, RELEASE, ask(a=9), ask_removal("a"), event(6, amf0("f")), event(77), version=5)
    assert said == ""
    state = used.state()
    assert (state.attributes, state.pending, state.version, state.is_used) == ({"a": 1.0}, (), 5, True)
    assert len(state.history) == before
    assert used.findings == []


def test_a_release(used: Table) -> None:
    used.client(ask(a=2))
    used.client(RELEASE)
    state = used.state()
    assert not state.is_used
    assert state.pending == ()
    assert state.attributes == {"a": 1.0}  # as last known
    assert history(state)[-1] == (4, "client", "release")


def test_persistent_objects(table: Table) -> None:
    table.server(USE_SUCCESS, flags=2)
    assert table.state().persistent


def test_objects_and_connections_are_kept_apart(used: Table) -> None:
    used.server(CLEAR, change(a=2), name="other")
    used.server(CLEAR, change(a=3), connection=2)
    assert [used.state(*where).attributes["a"] for where in (("chat", 1), ("other", 1), ("chat", 2))] == [1, 2, 3]
    assert set(used.observer.objects(1)) == {"chat", "other"}
    assert used.observer.objects(3) == {}
    used.observer.forget(1)
    assert used.observer.objects(1) == {}
    assert used.state("chat", 2).attributes == {"a": 3.0}
    used.observer.forget(7)


# Refusals


def test_a_refusal_is_told_and_takes_the_oldest_wish(used: Table) -> None:
    used.client(ask(a=2))
    used.client(ask(b=3))
    assert used.server(refusal()) == "refuses a=2 (asked in #3)"
    state = used.state()
    assert [one.key for one in state.pending] == ["b"]
    assert state.attributes == {"a": 1.0}
    assert history(state)[-1] == (5, "server", "refuse", "a", ABSENT, 2.0, 3)
    (finding,) = used.findings
    assert (finding.rule.code, finding.severity) == ("so.status", Severity.WARNING)
    assert finding.title == 'shared object "chat": SharedObject.NoWriteAccess'
    assert (finding.connection, finding.sender, finding.messages) == (1, "server", (3, 5))
    assert (finding.time, finding.packet) == (origin(5).time, 5)
    assert [(one.offset, one.length, one.in_message) for one in finding.evidence] == [(18, 5 + 28 + 7, True)]


def test_a_status_about_something_else_takes_no_wish(used: Table) -> None:
    used.client(ask(a=2))
    used.server(refusal("SharedObject.BadPersistence"), refusal("Some.News", "status"))
    assert len(used.state().pending) == 1
    assert [(one.severity, one.title.rpartition(" ")[2]) for one in used.findings] == [
        (Severity.WARNING, "SharedObject.BadPersistence"),
        (Severity.NOTE, "Some.News"),
    ]


def test_a_refusal_without_a_wish(used: Table) -> None:
    assert used.server(refusal()) == ""
    assert used.findings[0].messages == (3,)


def test_many_refusals_in_one_message_are_few_findings(used: Table) -> None:
    used.server(*[refusal()] * 50, *[refusal(f"Code.{number}") for number in range(50)])
    assert len(used.findings) == 4


def test_names_and_codes_are_safe_to_print(table: Table) -> None:
    evil = "\x1b[2J\n"
    said = table.server(CLEAR, change(**{evil: evil}), refusal(evil), name=evil)
    assert said.isprintable()
    assert table.findings[0].title.isprintable()


# What was not captured


def test_an_object_that_was_used_before_the_capture_began(table: Table) -> None:
    assert table.server(change(a=1)) == "is known to hold 1 attribute: a=1"
    assert not table.state().is_complete
    assert table.server(remove("a")) == "a was 1"
    assert table.server(CLEAR) == "now holds nothing"
    assert table.state().is_complete


def test_after_a_loss_it_may_hold_more(used: Table) -> None:
    used.server(CLEAR, connection=2)
    used.lose("client")
    assert used.state().is_complete
    used.lose("server")
    assert not used.state().is_complete
    assert used.state("chat", 2).is_complete
    assert used.server(change(b=2)) == "is known to hold 2 attributes: a=1, b=2"
    assert used.server(CLEAR, change(b=2)) == "now holds 1 attribute: b=2"


def test_a_damaged_message_is_used_as_far_as_it_goes(used: Table) -> None:
    size = len(head() + change(b=2))
    used.server(change(b=2), change(a=9), version=9, state="damaged", missing=((size + 3, size + 5),))
    state = used.state()
    assert state.attributes == {"a": 1.0, "b": 2.0}
    assert not state.is_complete
    assert state.version == 5


def test_a_message_that_is_cut_before_its_name_is_nobodys(used: Table, message: MakeMessage) -> None:
    assert list(used.observer.see(message(19, b"\0\4c", sender="server", state="cut", length=40))) == []
    assert set(used.observer.objects(1)) == {"chat"}


# How values are said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "null"),
        (True, "true"),
        (1.5, "1.5"),
        ("x" * 41, f'"{"x" * 40}..."'),
        ([1, 2], "[2 elements]"),
        ({}, "{0 properties}"),
        (Amf3(bytes.fromhex("0405")), "5"),
        (Amf3(bytes.fromhex("0c07000102")), "(3 bytes)"),
        (Amf3(bytes.fromhex("0d050100000001ffffffff")), "[2 elements]"),
        (Amf3(bytes.fromhex("11030006036b0401")), "{1 property}"),
        (Amf3(bytes.fromhex("08014278bcfe56800000")), "2023-11-14T22:13:20Z"),
        (Amf3(bytes.fromhex("0b093c612f3e")), 'XML "<a/>"'),
        (Amf3(b"\0"), "undefined"),
    ],
)
def test_values(table: Table, value: object, said: str) -> None:
    assert table.server(CLEAR, change(k=value)) == f"now holds 1 attribute: k={said}"


def test_references(table: Table) -> None:
    said = table.server(CLEAR, event(4, slots(a={"x": 1}) + key("b") + b"\7\0\0" + key("c") + b"\7\0\5"))
    assert said.endswith("a={1 property}, b={1 property}, c=(a reference to nothing)")


def test_only_some_attributes_and_changes_are_said(table: Table) -> None:
    many = {f"a{number}": number for number in range(10)}
    table.server(CLEAR, change(**many))
    said = table.server(change(**many))
    assert "a5 was 5; ... 4 changes more; now holds 10 attributes: a0=0, " in said
    assert said.endswith("a5=5, ... 4 more")


# Bounds


def test_a_history_keeps_the_latest(table: Table) -> None:
    table.server(CLEAR, *[change(a=number) for number in range(3000)])
    state = table.state()
    assert len(state.history) == MOST_CHANGES
    assert state.dropped == 3001 - MOST_CHANGES
    assert state.history[-1].new == 2999.0
    assert state.attributes == {"a": 2999.0}


def test_a_history_of_large_values_is_shorter(table: Table) -> None:
    for number in range(40):
        table.server(change(a=str(number) + "x" * 60_000))
    state = table.state()
    assert state.dropped > 0
    assert 60_000 * len(state.history) <= shared_objects.MOST_CHANGED
    assert len(state.history) + state.dropped == 40


def test_wishes_that_nobody_answers_are_not_kept_forever(table: Table) -> None:
    table.client(*[ask(a=number, b=number) for number in range(2000)])
    state = table.state()
    assert len(state.pending) == MOST_REQUESTS
    assert state.pending[-1].value == 1999.0
    table.client(RELEASE)
    assert state.weight < 10_000


def test_objects_make_room_for_others(table: Table) -> None:
    text = "x" * 60_000
    for number in range(200):
        table.server(change(a=text), name=f"object {number}")
    names = list(table.observer.objects(1))
    assert names[-1] == "object 199"
    assert len(names) + table.observer.forgotten == 200
    assert len(names) * 60_000 <= shared_objects.MOST_HELD
    table.server(change(b=1), name=names[0])
    table.server(change(a=text), name="another")
    assert names[0] in table.observer.objects(1)
    assert names[1] not in table.observer.objects(1)


def test_an_object_that_is_too_large_alone_is_forgotten(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_objects, "MOST_HELD", 10_000)
    table.server(CLEAR, change(a="x" * 20_000))
    assert table.observer.objects(1) == {}
    table.server(change(b=1))
    assert table.state().attributes == {"b": 1.0}
    assert not table.state().is_complete


steps = st.lists(
    st.tuples(
        st.sampled_from(["client", "server"]),
        st.sampled_from(["one", "two"]),
        st.lists(
            st.sampled_from(
                [USE, RELEASE, CLEAR, USE_SUCCESS, refusal(), ask_removal("a")]
                + [make(**{name: value}) for make in (ask, change) for name in "ab" for value in (1, "xx" * 50)]
                + [make(name) for make in (success, remove) for name in "ab"]
            ),
            max_size=6,
        ),
    ),
    max_size=30,
)


@given(plan=steps)
def test_what_is_kept_is_weighed(message: MakeMessage, plan: list[tuple[Sender, str, list[bytes]]]) -> None:
    table = Table(message)
    for sender, name, events in plan:
        table.say(sender, *events, name=name)
    states = table.observer.objects(1)
    assert table.observer._held == sum(state.weight for state in states.values())
    for state in states.values():
        requests = sum(request.weight for request in state.pending)
        parts = [*state._weights.values(), *state._changed, requests, len(state.name) + shared_objects._WEIGHT]
        assert state.weight == sum(parts)
        assert state._weights.keys() == state.attributes.keys()
        assert len(state._changed) == len(state.history)
        assert sum(map(len, state._requests_of.values())) == len(state.pending)
    table.observer.forget(1)
    assert table.observer._held == 0


@given(said=st.lists(st.tuples(st.sampled_from(["client", "server"]), anything), max_size=4))
def test_whatever_the_bytes_what_is_remarked_is_safe(message: MakeMessage, said: list[tuple[Sender, bytes]]) -> None:
    table = Table(message)
    for sender, events in said:
        assert table.say(sender, events).isprintable()
    assert all(finding.title.isprintable() for finding in table.findings)


# Whole captures


def test_the_built_capture() -> None:
    """What each object held at the end, and who changed what."""
    (connection,) = connections(CAPTURES / "shared-object.pcap")
    chat, notes = connection.shared_objects["chat"], connection.shared_objects["notes"]
    assert (chat.version, chat.persistent, chat.is_used, chat.is_complete) == (8, False, False, True)
    assert chat.attributes == {"topic": "AMF", "users": 4}
    assert chat.dropped == 0
    assert [(one.event, one.key, one.by, one.request) for one in chat.history if one.key] == [
        ("change", "topic", "server", None),
        ("change", "users", "server", None),
        ("change", "topic", "client", 5),
        ("change", "users", "server", None),
        ("change", "latest", "server", None),
        ("remove", "latest", "client", 10),
        ("change", "users", "client", 12),
    ]
    assert (notes.attributes, notes.persistent, notes.pending) == ({}, True, ())
    said = connection.messages[12].notes
    assert said is not None
    assert said.remarks == ("users=4 (asked in #12), was 3", 'now holds 2 attributes: topic="AMF", users=4')
    assert [finding.rule.code for finding in connection.findings] == ["so.status"]


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared captures beside the checkout")
def test_a_recorded_capture() -> None:
    """Two objects, each used once and told by the server what it holds."""
    (connection,) = connections(SHARED / "made" / "17-sharedobject-rtmppy-port80.pcap")
    assert {name: state.attributes for name, state in connection.shared_objects.items()} == {
        "so_name": {"sparam": "1234567890 " * 5},
        "so2_name": {"sparam": "QWERTY " * 20},
    }
    for state in connection.shared_objects.values():
        assert [change.event for change in state.history] == ["use", "use_success", "clear", "change"]
        assert state.is_complete
