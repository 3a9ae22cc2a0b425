"""Objects whose class alone knows their bytes, as Flex and BlazeDS send them."""

from __future__ import annotations

import struct

import pytest

from rtmpsniff.fields import Malformed, Role
from rtmpsniff.findings import Severity
from rtmpsniff.payload.bodies import decode
from rtmpsniff.payload.command import Command
from rtmpsniff.payload.externalizable import EXTERNALIZABLES
from rtmpsniff.payload.values import Externalizable, Object
from tests import build
from tests import build_amf3 as b3
from tests.build_amf3 import amf3
from tests.payload.test_amf3 import read


def test_flags_say_what_follows_them() -> None:
    _, field, _ = read(bytes.fromhex("0a070744534ba10206056f6b0501234567890123450c010000"))
    assert field.children[3][:5] == ("flags", 6, 8, b"\xa1\x02", "body, timestamp, messageIdBytes")
    assert [child.label for child in field.children if child.name == "flags"][1:] == ["none", "none"]
    assert [child.label for child in field.children if child.name == "property"] == [
        "body",
        "timestamp",
        "messageIdBytes",
    ]


@pytest.mark.parametrize(
    "name", ["mx.collections.ArrayList", "mx.collections.ArrayCollection", "flex.messaging.io.ArrayList"]
)
def test_collections(name: str) -> None:
    value, _, _ = read(amf3(b3.External(name, [[1, 2]])))
    assert value == Externalizable([("source", [1, 2])], name)


@pytest.mark.parametrize(
    "name", ["flex.messaging.io.ObjectProxy", "mx.utils.ObjectProxy", "flex.messaging.io.SerializationProxy"]
)
def test_proxies(name: str) -> None:
    value, _, _ = read(amf3(b3.External(name, [{"a": 1}])))
    assert value == Externalizable([("object", Object([("a", 1)]))], name)


@pytest.mark.parametrize("name", ["flex.messaging.io.ManagedObjectProxy", "mx.utils.ManagedObjectProxy"])
def test_managed_proxies(name: str) -> None:
    value, field, _ = read(amf3(b3.External(name, [b3.Raw(struct.pack(">i", 2)), "a", 1, "b", [2]])))
    assert value == Externalizable([("a", 1), ("b", [2])], name)
    assert [child.label for child in field.children if child.name == "property"] == ["a", "b"]


def test_flags_that_nobody_knows_announce_values_to_be_read_over() -> None:
    flags = b3.Raw(bytes([0x80, 0xBC, 0x41]))  # of the third byte bit 6 announces nothing
    value, _, _ = read(amf3(b3.External("DSC", [flags, 1, 2, 3, 4, 5, b3.Raw(b"\0\0")])))
    assert isinstance(value, Externalizable)
    assert value.pairs == [
        *[(f"unknown 1.{bit}", bit - 1) for bit in range(2, 6)],
        ("unknown 2.0", 5),
    ]


def test_every_short_message_has_its_long_name() -> None:
    for short, long in (("DSA", "AsyncMessageExt"), ("DSC", "CommandMessageExt"), ("DSK", "AcknowledgeMessageExt")):
        parts: list[object] = [b3.Raw(b"\x01"), "body", b3.Raw(b"\0"), b3.Raw(b"\0")]
        values = [
            read(amf3(b3.External(name, parts[: 3 if short == "DSA" else 4])))[0]
            for name in (short, f"flex.messaging.messages.{long}")
        ]
        assert all(isinstance(value, Externalizable) and value["body"] == "body" for value in values)
    assert len(EXTERNALIZABLES) == 15


def test_a_class_that_nobody_knows_ends_the_reading() -> None:
    thing = b3.External("org.example.X\x1b", [b3.Raw(b"\xab\xcd")])
    data = b"\0" + build.amf0("call", 1, None, build.Amf3(amf3([1, thing])), "lost")
    body, fields, findings = decode(17, data)
    assert isinstance(body, Command)
    assert body.args == ([1, Externalizable(class_name="org.example.X\x1b")],)
    (finding,) = findings
    assert finding.title == (
        r'call > argument 1 > [1]: only the class "org.example.X\x1b" knows how its bytes are read'
    )
    assert finding.severity is Severity.WARNING
    assert fields[-1].role is Role.UNREAD
    assert data[fields[-1].start :] == b"\xab\xcd" + build.amf0("lost")


@pytest.mark.parametrize(
    ("count", "text"), [(2, "claims 2 properties, has 1"), (1, "the name of a property is no string")]
)
def test_managed_proxies_that_cannot_be_read(count: int, text: str) -> None:
    name: object = "a" if count == 2 else 1
    with pytest.raises(Malformed) as caught:
        read(amf3(b3.External("mx.utils.ManagedObjectProxy", [b3.Raw(struct.pack(">i", count)), name, 1])))
    assert str(caught.value) == text
