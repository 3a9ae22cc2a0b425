"""Bytes that somebody wrote as text: hex, listings, decimal, base64. Takes text, gives the bytes and where each stood.

What people paste comes from anywhere, so much is tolerated: separators, `0x`, C arrays and string literals with their
remarks, the listings of many tools. A mistake is a `UserError` with line and column. Nothing is made up: what leaves
bytes out is refused, and what can be read in two ways says in which it was.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable
from typing import Final

from rtmpsniff.capture.characters import cleaned
from rtmpsniff.capture.foreign import refuse_foreign
from rtmpsniff.capture.listings import find_listing, read_listing
from rtmpsniff.capture.literals import refuse_left_out, undressed
from rtmpsniff.capture.numbers import find_numbers, read_decimal, with_rival
from rtmpsniff.capture.places import Collected, Form, Pasted, mistake, place
from rtmpsniff.capture.quoting import MARGIN, unnumbered, unquoted
from rtmpsniff.errors import UserError


def read_text(text: str, form: Form | None = None) -> Pasted:
    """The bytes that a text says, in `form` or else in the one that it plainly has.

    Raises `UserError`, one line with line and column, for what cannot be read, and for a text that holds no bytes.
    """
    text = unquoted(cleaned(text))
    pasted = FORMS[form](text) if form else _guess(text)
    if not pasted.data:
        raise UserError("holds no bytes")
    return pasted


def _guess(text: str) -> Pasted:
    bare = unnumbered(text)
    listing = find_listing(bare)
    if listing is None and bare != text:
        offsets = find_listing(text)  # which count as lines do
        if offsets is not None:
            return offsets
    pasted = listing or _guess_plain(bare.replace(MARGIN, " "))
    return pasted if bare == text else pasted.noted("the numbers of lines are left out")


def _guess_plain(text: str) -> Pasted:
    """What has no offsets."""
    refuse_foreign(text)
    bare = undressed(text)
    if _SAYS_BASE64.match(text):
        return _base64(bare)
    numbers = find_numbers(bare)
    if numbers is not None:
        return numbers
    try:
        return with_rival(_in_hex(text), bare, fewest=2 if bare == text else 1)
    except UserError:
        if (_BASE64.fullmatch(bare) and _is_mixed(bare) and _is_even(bare)) or _is_mostly_base64(bare):
            return _base64(bare)
        raise


def _in_hex(text: str) -> Pasted:
    """Hex as it stands, or in one of the dresses of languages."""
    try:
        return _hex(text)
    except UserError:
        bare = undressed(text)
        if bare == text:
            raise
    refuse_left_out(bare)
    return _hex(bare)


# Hex.

_REMARK: Final = r"//[^\n]*|\#[^\n]*|/\*.*?(?:\*/|\Z)"
# `static const unsigned char packet[] = {`; bounded, so that a long line is not searched from each of its words.
# And what xxd -i writes behind it: `unsigned int packet_len = 241;`.
_NO_HEX_WORD: Final = r"(?=[\w$.]{0,60}[g-zG-Z_$])[A-Za-z_$]"
_DECLARED: Final = rf"{_NO_HEX_WORD}(?:[^\n{{}},;]{{0,120}}\{{|[^\n{{}},;=]{{0,120}}=[ ]*[0-9]+;)"
_CALL: Final = rf"(?:[A-Za-z_]\w{{0,60}}[ ]*=[ ]*)?{_NO_HEX_WORD}[\w.]{{0,60}}\("  # `data = bytes.fromhex(`
_HEX: Final = re.compile(
    rf"""
      (?P<remark>{_REMARK})
    | (?P<declared>{_DECLARED} | {_CALL})
    | (?P<prefixed>(?:0[xX][0-9A-Fa-f]{{2}}(?![0-9A-Fa-f])[ \t]*(?:,[ \t]*)?)+)
    | (?P<long>0[xX](?:[0-9A-Fa-f]{{2}})+(?![0-9A-Fa-f]))
    | (?P<short>0[xX][0-9A-Fa-f](?![0-9A-Fa-f]))
    | (?P<bare>[0-9A-Fa-f][0-9A-Fa-f \t]*(?![xX]))
    | (?P<gap>[\s,;:|\-\[\](){{}}"'\\]+)
    """,
    re.VERBOSE | re.DOTALL,
)
_PREFIX_ONCE: Final = re.compile(r"\s*['\"]?\\x(?=(?:[0-9A-Fa-f]{2}){8,}['\"]?\s*\Z)")  # as PostgreSQL has it
_NO_DIGITS: Final = re.compile(r"0[xX]|[\s,]")


def _hex(text: str) -> Pasted:
    prefix = _PREFIX_ONCE.match(text)
    if not prefix and ("\\x" in text or _OCTAL.search(text)):
        return _escaped(text)
    found, at = Collected(), prefix.end() if prefix else 0
    while at < len(text):
        match = _HEX.match(text, at)
        if match is None:
            raise mistake(text, at, "{} is no hex")
        if match.lastgroup in _DIGITS:
            found.add(_DIGITS[match.lastgroup](match), at, match.end())
        at = match.end()
    return found.pasted("hex", text)


def _bare(match: re.Match[str]) -> bytes:
    words = match[0].split()
    if not any(len(word) % 2 for word in words):
        return bytes.fromhex("".join(words))
    at = next(word.end() - 1 for word in re.finditer(r"\S+", match[0]) if len(word[0]) % 2)
    raise mistake(match.string, match.start() + at, "{}: hex digits come in pairs")


def _prefixed(match: re.Match[str]) -> bytes:
    return bytes.fromhex(_NO_DIGITS.sub("", match[0]))


def _short(match: re.Match[str]) -> bytes:
    return bytes((int(match[0], 16),))


_DIGITS: Final = {"bare": _bare, "prefixed": _prefixed, "long": _prefixed, "short": _short}


# Escapes: string literals of C, Python and their like, with or without their quotes.

_NAMED_ESCAPES: Final = {
    "n": b"\n", "r": b"\r", "t": b"\t", "a": b"\a", "b": b"\b", "f": b"\f", "v": b"\v", "e": bytes((0x1B,)),
    "\\": b"\\", "'": b"'", '"': b'"', "\n": b"",
}  # fmt: skip
_ESCAPES: Final = re.compile(r"\\(?:(?P<octal>[0-3]?[0-7]{1,2})|(?P<named>[nrtabfve\\'\"\n]))")
_OCTAL: Final = re.compile(
    r"""["'][^"']*?\\(?:[0-7](?![0-9A-Fa-f])|[0-3][0-7]{2}(?![0-9A-Fa-f]))"""
)  # of two digits: perhaps hex
_HEX_ESCAPES: Final = re.compile(r"(?:\\x[0-9A-Fa-f]{2})+")
_ESCAPES_ALONE: Final = re.compile(r"(?:\\x[0-9A-Fa-f]{2}|\\?\s)*")
# `data = b'`, `bytearray(b'`, `printf '`: the first quotation mark, if no escape stands before it.
_OPENING: Final = re.compile(rf"""(?:{_REMARK}|[^\\"'])*+["']""", re.DOTALL)
_LITERALS: Final = re.compile(
    rf"""(?P<remark>{_REMARK}) | (?P<literal>[bB]?(?P<quote>["'])(?P<body>(?:\\.|(?!(?P=quote))[^\\])*)(?P=quote))
    | (?P<gap>[\s\\;+,(){{}}]+ | [A-Za-z_$][^\n"'{{}};]{{0,120}}= | \d+(?:,[ ][^"'\n]{{0,120}})?\)[ ]+=[ ]\d+)""",
    re.VERBOSE | re.DOTALL,
)


def _escaped(text: str) -> Pasted:
    found = Collected()
    if _ESCAPES_ALONE.fullmatch(text):
        for match in _HEX_ESCAPES.finditer(text):
            found.add(_hex_escapes(match), *match.span())
    elif opening := _OPENING.match(text):
        _take_literals(text, opening.end() - 1, found)
    else:
        start = len(text) - len(text.lstrip())
        _take_literal(text, start, len(text.rstrip()), found)
    return found.pasted("hex", text)


def _take_literals(text: str, at: int, found: Collected) -> None:
    while at < len(text):
        match = _LITERALS.match(text, at)
        if match is None:
            raise mistake(text, at, "{} stands outside the quotes" if text[at] not in "\"'" else "{} is never closed")
        if match["literal"]:
            _take_literal(text, match.start("body"), match.end("body"), found)
        at = match.end()


def _take_literal(text: str, start: int, stop: int, found: Collected) -> None:
    at = start
    while at < stop:
        together = _HEX_ESCAPES.match(text, at, stop)
        if together:
            found.add(_hex_escapes(together), *together.span())
            at = together.end()
            continue
        end = at + 1
        part = text[at].encode("utf-8", "surrogatepass")
        if text[at] == "\\":
            escape = _ESCAPES.match(text, at, stop)
            if escape is None:
                raise mistake(text, at, "{} is no escape: \\x and two hex digits, \\0, \\n and their like are")
            part, end = _unescaped(escape), escape.end()
        found.add(part, at, end)
        at = end


def _hex_escapes(match: re.Match[str]) -> bytes:
    return bytes.fromhex(match[0].replace("\\x", ""))


def _unescaped(escape: re.Match[str]) -> bytes:
    return bytes((int(escape["octal"], 8),)) if escape["octal"] else _NAMED_ESCAPES[escape["named"]]


# Base64.

_SAYS_BASE64: Final = re.compile(r"\s*data:[\w/;=.+-]*;base64,")
_BASE64: Final = re.compile(r"[\sA-Za-z0-9+/_-]+(?:=\s*){0,2}")
_URL_SAFE: Final = str.maketrans("-_", "+/")


def _is_mixed(text: str) -> bool:
    """A name of a file or a word has no padding and seldom both cases."""
    letters = "".join(text.split())
    return letters.endswith("=") or (letters != letters.lower() and letters != letters.upper() and len(letters) > 7)


def _is_even(text: str) -> bool:
    """Words of prose differ in length. A line may be cut anywhere."""
    lines = (line.split() for line in text.split("\n"))
    heads = (words[:-1] for words in lines if len(words) > 1)
    return all(len(set(map(len, words))) == 1 and len(words[0]) % 4 == 0 for words in heads)


def _is_mostly_base64(text: str) -> bool:
    """Long, and few of its characters are hex: whatever is wrong, it was meant so."""
    letters = "".join(text.split())
    if not letters:
        return False
    hexadecimal = sum(map(letters.count, "0123456789abcdefABCDEF"))
    is_long = len(text.split(None, 1)[0]) > 40 and "\\" not in letters
    return is_long and letters.isascii() and hexadecimal * 2 < len(letters) and _is_mixed(text)


def _base64(text: str) -> Pasted:
    wrong = re.compile(r"[^\sA-Za-z0-9+/_=-]|=(?=\s*[^\s=])").search(text)
    if wrong:
        raise mistake(text, wrong.start(), "{} is no base64")
    symbols = "".join(text.split()).rstrip("=").translate(_URL_SAFE)
    if len(symbols) % 4 == 1:
        raise UserError(
            f"{place(text, len(text.rstrip()))}: base64 of {len(symbols)} characters: one is missing or too many"
        )
    found = Collected()
    found.add(b64decode(symbols + "=" * (-len(symbols) % 4)), 0, len(text))
    return found.pasted("base64", text)


def _plain(text: str) -> str:
    return undressed(text.replace(MARGIN, " "))


FORMS: Final[dict[Form, Callable[[str], Pasted]]] = {
    "hex": lambda text: _in_hex(text.replace(MARGIN, " ")),
    "listing": read_listing,
    "decimal": lambda text: read_decimal(_plain(text)),
    "base64": lambda text: _base64(_plain(text)),
}
