"""The names that a filter or a column may use, and what may stand below each of them.

Made from the records and the dataclasses of the bodies, so that a new attribute has its name here at once. Below an
AMF value anything goes: there the names are the sender's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, is_dataclass
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from inspect import get_annotations
from operator import attrgetter
from typing import Any, Final, get_args

from rtmpsniff.analysis.expression import FilterError, Name
from rtmpsniff.analysis.record import BODIES, MESSAGE, NOTED, attributes, is_structure
from rtmpsniff.payload.types import FAMILIES, TYPE_NAMES
from rtmpsniff.text import quoted

_WORD: Final = re.compile(r"\w+(?:\.\w+)*")
_ANYTHING: Final = frozenset({"Value"})  # of AMF
_PLAIN: Final = frozenset({"int", "float", "str", "bool", "bytes", "None", "Literal"})
_LISTS: Final = frozenset({"tuple", "list", "Sequence"})
_LONGEST: Final = 40  # characters of a name in a line about a mistake


@dataclass(frozen=True, slots=True)
class Place:
    """What may stand below a name: numbers where it is a list, the names of its shapes, or anything."""

    is_open: bool = False
    is_list: bool = False
    shapes: frozenset[type] = frozenset()

    def __or__(self, other: Place) -> Place:
        return Place(self.is_open or other.is_open, self.is_list or other.is_list, self.shapes | other.shapes)

    @property
    def names(self) -> dict[str, Place]:
        """What may stand here by name."""
        found: dict[str, Place] = {}
        for shape in self.shapes:
            for name, place in _names_of(shape).items():
                found[name] = found[name] | place if name in found else place
        return found

    def below(self, part: str) -> Place | None:
        """What may stand below `part` of it; None if there can be no such part."""
        if self.is_open or (self.is_list and part.isascii() and part.isdigit()):
            return self
        return self.names.get(part)


@cache
def known() -> dict[str, Place]:
    """All names that may stand alone: those of messages, and those of bodies that no message has."""
    body = Place(shapes=frozenset(BODIES))
    lists = {name: Place(is_list=True) for name in ("packets", "missing")}
    own = dict.fromkeys((*MESSAGE, *ADDED, *NOTED), Place()) | lists | {"body": body}
    return body.names | own


ADDED: Final = ("family",)  # beside what a record has


def check(name: Name, text: str) -> None:
    """Raise `FilterError` where the name means nothing."""
    places = known()
    if name.parts[0] not in places:
        problem = f"there is no name {_shown(name.parts[0])}{_suggestion(name.parts[0], places)}"
        raise FilterError(problem, text, name.places[0].start, name.places[0].stop)
    place = places[name.parts[0]]
    for part, at, above in zip(name.parts[1:], name.places[1:], name.parts, strict=False):
        below = place.below(part)
        if below is None:
            problem = f"{above} has no part {_shown(part)}{_suggestion(part, place.names)}"
            raise FilterError(problem, text, at.start, at.stop)
        place = below


def _shown(name: str) -> str:
    return quoted(name if len(name) <= _LONGEST else f"{name[:_LONGEST]}...")


def _suggestion(name: str, names: Iterable[str]) -> str:
    if name in FAMILIES:
        return f'; did you mean family == "{name}"?'
    if name in TYPE_NAMES.values():
        return f'; did you mean type == "{name}"?'
    near = get_close_matches(name[: 2 * _LONGEST], names, 1)
    return f"; did you mean {near[0]}?" if near else ""


@cache
def _names_of(shape: type) -> dict[str, Place]:
    notes = {field.name: field.type for field in fields(shape)} if is_dataclass(shape) else get_annotations(shape)
    return {name: _place(_text(notes[attribute.name]), shape) for name, attribute in attributes(shape).items()}


def _text(annotation: Any) -> str:
    """An annotation as it is written; named tuples keep it in a wrapping."""
    return str(getattr(annotation, "__forward_arg__", annotation))


def _place(annotation: str, shape: type) -> Place:
    """What an annotation such as `tuple[Track, ...] | None` lets stand below; of unknown classes anything."""
    place = Place()
    for word in _WORD.findall(annotation):
        if word in _LISTS:
            place |= Place(is_list=True)
        elif word in _ANYTHING:
            place |= Place(is_open=True)
        elif word not in _PLAIN:
            meant = _meant(word, shape)
            place |= _place(meant, shape) if isinstance(meant, str) else _shapes(meant)
    return place


def _meant(word: str, shape: type) -> object:
    """What a name, or a dotted one, stands for where the shape is defined; None if it stands for nothing there."""
    try:
        return attrgetter(word)(import_module(shape.__module__))
    except AttributeError:
        return None


def _shapes(meant: object) -> Place:
    """The shapes that a name stands for, which may be an alias for several."""
    shapes = [shape for shape in get_args(meant) or (meant,) if isinstance(shape, type) and is_structure(shape)]
    return Place(shapes=frozenset(shapes)) if shapes else Place(is_open=True)
