"""The language of filters: what is read, what binds how, and where a mistake is said to be."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rtmpsniff.analysis.expression import (
    MAX_DEPTH,
    MAX_LENGTH,
    AllOf,
    Always,
    AnyOf,
    Compared,
    Condition,
    Contains,
    Exists,
    FilterError,
    Known,
    Matches,
    Name,
    Not,
    OneOf,
    parse,
    parse_names,
)


def written(node: Condition | Name | Known) -> str:  # noqa: C901, PLR0911 - one line for each kind of node
    """A tree with all its parentheses."""
    match node:
        case Name():
            return "/".join(node.parts)
        case Known():
            return repr(node.value)
        case Exists():
            return f"?{written(node.name)}"
        case Always():
            return str(node.value)
        case Not():
            return f"not {written(node.condition)}"
        case AllOf() | AnyOf():
            word = " and " if isinstance(node, AllOf) else " or "
            return f"({word.join(map(written, node.conditions))})"
        case Compared():
            pairs = zip(node.comparisons, node.operands[1:], strict=True)
            return written(node.operands[0]) + "".join(f" {sign} {written(operand)}" for sign, operand in pairs)
        case OneOf():
            return f"{written(node.operand)} in {{{', '.join(map(written, node.members))}}}"
        case Contains():
            return f"{written(node.whole)} contains {written(node.part)}"
        case Matches():
            return f"{written(node.operand)} matches {node.pattern.pattern}"


READ = [
    ("length", "?length"),
    ("true", "True"),
    ("length > 50000", "length > 50000"),
    ("length>0xC350", "length > 50000"),
    ("length == -1.5e3", "length == -1500.0"),
    ("0 < length <= 100 != n", "0 < length <= 100 != n"),
    ("a == true and b != null", "(a == True and b != None)"),
    ("a or b and c or not d", "(?a or (?b and ?c) or not ?d)"),
    ("(a or b) and c", "((?a or ?b) and ?c)"),
    ("((a))", "?a"),
    ("a || b && !c", "(?a or (?b and not ?c))"),
    ("not not a", "?a"),
    ("not not not a", "not ?a"),
    ("not a == 1", "not a == 1"),
    ('type in {"audio", "video", 9, -1, null}', "type in {'audio', 'video', 9, -1, None}"),
    ("type not in {1}", "not type in {1}"),
    ('object.tcUrl contains "token"', "object/tcUrl contains 'token'"),
    ('a not contains "b"', "not a contains 'b'"),
    ("args.0.code contains b", "args/0/code contains b"),
    (r'name matches "^\d\"\x41$"', r"name matches ^\d\"\x41$"),
    ("name ~ 'a|b'", "name matches a|b"),
    (r"""a == "q\"s'\\\n\t\r\0\x41\u00e9" """, r"""a == 'q"s\'\\\n\t\r\x00Aé'"""),
    ('a == "日本"', "a == '日本'"),
    ("object.and.not.true", "?object/and/not/true"),
    ('object["odd key.\\n"][0].x', "?object/odd key.\n/0/x"),
    ("args.0.$typed", "?args/0/$typed"),
    ("object.имя", "?object/имя"),
    ("args.0.1.2", "?args/0/1/2"),
    ("a\n and\tb", "(?a and ?b)"),
    ("nothing and order", "(?nothing and ?order)"),
    ("not not a or not (not b)", "(?a or ?b)"),
    ("not (a not in {1})", "a in {1}"),
    ("a !~ 'b' and a ! in {1}", "(not a matches b and not a in {1})"),
    ("a in {1, 2,}", "a in {1, 2}"),
    ("a == 007 and b < - 5 and c == 0X1f", "(a == 7 and b < -5 and c == 31)"),
    ("((a == 1) and (b))", "(a == 1 and ?b)"),
    ("a >= 1", "a >= 1"),
    # Words of Python are names, and what stands between quotation marks is left alone
    ("lambda and await and is", "(?lambda and ?await and ?is)"),
    ("object.__class__.not.if", "?object/__class__/not/if"),
    ("_ == None", "_ == None"),
    ("""a == "b contains c && !d ~ e = 1 # f" """, "a == 'b contains c && !d ~ e = 1 # f'"),
    ("a == '{0.__class__}%s'", "a == '{0.__class__}%s'"),
    ("a == 'b\tc\nd\0e\x1b'", "a == 'b\\tc\\nd\\x00e\\x1b'"),
    # Python would read these names as `file` and `type`
    ("\ufb01le == \uff54ype", "\ufb01le == \uff54ype"),
]


@pytest.mark.parametrize(("text", "tree"), READ, ids=[text for text, _ in READ])
def test_what_is_read(text: str, tree: str) -> None:
    assert written(parse(text)) == tree


def test_names_with_commas() -> None:
    assert [written(name) for name in parse_names(" time,object.app , args[0]")] == ["time", "object/app", "args/0"]


# Mistakes: the text with the place between guillemets, and what is said of it.

MISTAKES = [
    ("«»", "a name or a value should follow"),
    ("  «»", "a name or a value should follow"),
    ("length > «»", "a name or a value should follow"),
    ("length > 5 and «»", "a name or a value should follow"),
    ("not «»", "a name or a value should follow"),
    ("length > «>» 5", "a name or a value should stand here"),
    ("length «=» 5", "= compares nothing; did you mean ==?"),
    ("a «b»", "and, or, or the end should stand here"),
    ("a == 1 «]»", "']' has no meaning here"),
    ("«(»a", "this parenthesis is never closed"),
    ("(a «b»", "and, or, or a closing parenthesis should stand here"),
    ("a«)»", "and, or, or the end should stand here"),
    ("«5»", "a value alone is no condition"),
    ('«"video"»', "a value alone is no condition"),
    ("a == «'b»", "a text that does not end"),
    ('a == «"b\\"»', "a text that does not end"),
    ('a == "b«\\q»"', "an escape that means nothing; a backslash is written twice"),
    ('a == "«\\x»4"', "an escape that means nothing; a backslash is written twice"),
    ("a == «1x»", "not a number"),
    ("a == «0x»", "not a number"),
    ("a == «1.»", ""),
    ("a == «٣»", "'٣' has no meaning here"),
    ("a == «1e999»", "a number that is too large"),
    (f"a == «{'9' * 41}»", "a number of more than 40 characters"),
    ("a == -«b»", "a number should stand here"),
    ("a == -«true»", "a number should stand here"),
    ("a == -«»", "a number should follow"),
    ("a«.»", "a name is missing after the point"),
    ("a«[»", 'between brackets stands a number or a "text"'),
    ("a«[0»", 'between brackets stands a number or a "text"'),
    ("a in «(»1)", 'a set, as {"audio", "video"}, should stand here'),
    ("a in {«}»", "a name or a value should stand here"),
    ("a in {1 «2»}", "a comma or } should stand here"),
    ("a in {1, «b»}", "a set holds texts and numbers, no names"),
    ("a in {1«»", "a comma or } should follow"),
    ("a not «b»", "in, contains or matches should stand here"),
    ("a not«»", "in, contains or matches should follow"),
    ("a matches «b»", "a regular expression between quotation marks should stand here"),
    ("a matches «5»", "a regular expression between quotation marks should stand here"),
    ("a == 1 «contains» 2", "and, or, or the end should stand here"),
    ("a «;» b", "';' has no meaning here"),
    ("a «\x1b»[2J", "'\\x1b' has no meaning here"),
    ("__import__«(»'os')", "and, or, or the end should stand here"),
    # The first of several is told
    ("a «b» == 'c", "and, or, or the end should stand here"),
    ("a «=» 5 and ;", "= compares nothing; did you mean ==?"),
    # Python reads more than the language is
    ("(a) «==» 1", "and, or, or the end should stand here"),
    ("(a == 1) «==» true", "and, or, or the end should stand here"),
    ("a == «(»1)", "a name or a value should stand here"),
    ("a == b == «(»1)", "a name or a value should stand here"),
    ("a == «(»1) == b", "a name or a value should stand here"),
    ("a in «(»{1})", 'a set, as {"audio", "video"}, should stand here'),
    ("a in «b»", 'a set, as {"audio", "video"}, should stand here'),
    ("a in «»", 'a set, as {"audio", "video"}, should follow'),
    ("a matches «(»'b')", "a regular expression between quotation marks should stand here"),
    ("a contains «(»'b')", "a name or a value should stand here"),
    ("a in {«(»1)}", "a name or a value should stand here"),
    ("a in {1 «==» 1}", "a comma or } should stand here"),
    ("a in {a «in» {1", "a comma or } should stand here"),
    ("a in {«not» b}", "a name or a value should stand here"),
    ("a in {1} «==» b", "and, or, or the end should stand here"),
    ("(a == 1 «contains» 2)", "and, or, or a closing parenthesis should stand here"),
    ("a contains 1 «==» 2", "and, or, or the end should stand here"),
    ("a == «{»1}", "a name or a value should stand here"),
    ("«{»1}", "a name or a value should stand here"),
    ("a == «not» b", "a name or a value should stand here"),
    ("a«,» b", "and, or, or the end should stand here"),
    ("(«)»", "a name or a value should stand here"),
    ("(a«,»)", "and, or, or a closing parenthesis should stand here"),
    ("(a in {1«)»", "a comma or } should stand here"),
    ("a «-» b", "and, or, or the end should stand here"),
    ("a «-5»", "and, or, or the end should stand here"),
    ("a == -«-5»", "a number should stand here"),
    ("a == «+»5", "'+' has no meaning here"),
    ("a == «~»5", "a name or a value should stand here"),
    ("a «&» b", "and, or, or the end should stand here"),
    ("a «|» b", "and, or, or the end should stand here"),
    ("a «*»* 2", "'*' has no meaning here"),
    ("a «is» b", "and, or, or the end should stand here"),
    ("a «if» b else c", "and, or, or the end should stand here"),
    ("lambda«:» a", "':' has no meaning here"),
    ("(a «:»= 5)", "':' has no meaning here"),
    ("«[»a for a in b]", "'[' has no meaning here"),
    ("(a «for» a in b)", "and, or, or a closing parenthesis should stand here"),
    ("await «a»", "and, or, or the end should stand here"),
    ("a == b«'c'»", "and, or, or the end should stand here"),
    ("a == f«'{b}'»", "and, or, or the end should stand here"),
    ("a == 'b' «'c'»", "and, or, or the end should stand here"),
    ("a == ''«'»", "a text that does not end"),
    ("a == «1_000»", "not a number"),
    ("a == «1j»", "not a number"),
    ("a == «0b1»", "not a number"),
    ("a == «1..2»", "not a number"),
    ("a == «.»5", "'.' has no meaning here"),
    ("«.»..", "'.' has no meaning here"),
    ("a == 5 «#» b", "'#' has no meaning here"),
    ("a and «\\»\n b", "'\\' has no meaning here"),
    ("a == 1«;» b", "';' has no meaning here"),
    ("a == «\0»", "'\\0' has no meaning here"),
    ("«\ufeff»a", "'\\ufeff' has no meaning here"),
    ("«\ud800»", "'\\ud800' has no meaning here"),
    ("«@»a", "'@' has no meaning here"),
    ("object«[»-1]", 'between brackets stands a number or a "text"'),
    ("object«[1»:2]", 'between brackets stands a number or a "text"'),
]


@pytest.mark.parametrize(("marked", "problem"), MISTAKES, ids=[marked for marked, _ in MISTAKES])
def test_mistakes_have_a_place(marked: str, problem: str) -> None:
    before, _, rest = marked.partition("«")
    place, _, after = rest.partition("»")
    with pytest.raises(FilterError) as caught:
        parse(before + place + after)
    if problem:
        assert caught.value.problem == problem
        assert (caught.value.start, caught.value.stop) == (len(before), len(before) + len(place))
    assert caught.value.exit_status == 2
    assert str(caught.value).startswith(caught.value.problem)


@pytest.mark.parametrize("text", ["", "time,", "time,,type", "time type", "'time'", "5", "time, not", "a == 1"])
def test_what_are_no_names(text: str) -> None:
    with pytest.raises(FilterError):
        parse_names(text)


# Limits


def test_parentheses_nest_to_a_depth() -> None:
    assert written(parse("(" * MAX_DEPTH + "a" + ")" * MAX_DEPTH)) == "?a"
    with pytest.raises(FilterError, match="nested more than") as caught:
        parse("(" * (MAX_DEPTH + 1) + "a" + ")" * (MAX_DEPTH + 1))
    assert caught.value.start == MAX_DEPTH


@pytest.mark.parametrize(
    "text",
    ["(" * 10_000 + "a" + ")" * 10_000, "(" * 10_000, "not (" * 10_000 + "a" + ")" * 10_000, "a and (" * 9_000],
    ids=["closed", "open", "not", "and"],
)
def test_ten_thousand_parentheses(text: str) -> None:
    with pytest.raises(FilterError, match="nested more than"):
        parse(text)


def test_what_does_not_nest_may_be_long() -> None:
    assert len(written(parse(" or ".join(["a"] * 10_000)))) > 20_000
    assert written(parse("not " * 10_001 + "a")) == "not ?a"
    assert written(parse("a" + ".b" * 10_000)) == "?a" + "/b" * 10_000
    assert isinstance(parse("a == 1" + " == 1" * 10_000), Compared)
    assert isinstance(parse("a in {1" + ", 1" * 20_000 + "}"), OneOf)


@pytest.mark.parametrize("row", [*"(){}[],.=<>~&|-;#@\\\"'\0", "a ", "5 ", "a in {", "a[", "'b' "])
def test_the_longest_row_of_anything_has_a_mistake(row: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(row * (MAX_LENGTH // len(row)))
    assert "too deeply" not in caught.value.problem


def test_whoever_calls_from_too_deep_is_told() -> None:
    def parse_below() -> Condition:
        try:
            return parse_below()
        except RecursionError:
            return parse("(" * MAX_DEPTH + "a" + ")" * MAX_DEPTH)

    with pytest.raises(FilterError, match="nested too deeply"):
        parse_below()


def test_there_is_a_longest_expression() -> None:
    parse("a" * MAX_LENGTH)
    with pytest.raises(FilterError, match="longer than"):
        parse("a" * (MAX_LENGTH + 1))


# What Python reads


def test_nothing_that_is_written_comes_to_pythons_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    read = ast.parse

    def watched(source: str, mode: Literal["eval"]) -> ast.Expression:
        seen.append(source)
        return read(source, mode=mode)

    with monkeypatch.context() as patch:
        patch.setattr(ast, "parse", watched)
        for text in [*(text for text, _ in READ), *(re.sub("[«»]", "", marked) for marked, _ in MISTAKES)]:
            mistake(text, parse)
    words = {word for source in seen for word in source.split()}
    assert words == {"_", "?", "and", "or", "not", "in", "(", ")", "{", "}", ",", "==", "!=", "<", "<=", ">", ">="}


# How a mistake is shown


def shown(text: str) -> tuple[str, str]:
    with pytest.raises(FilterError) as caught:
        parse(text)
    return caught.value.shown


def test_carets_stand_under_the_mistake() -> None:
    assert shown('type == "video" and == 5') == (
        'type == "video" and == 5',
        "                    ^^",
    )
    assert shown("length >") == ("length >", "        ^")


def test_wide_and_combining_characters_keep_the_carets_in_place() -> None:
    assert shown('a == "日本" )') == ('a == "日本" )', " " * 12 + "^")
    assert shown('a == "e\u0301" )') == ('a == "e\u0301" )', " " * 9 + "^")


def test_nothing_of_an_expression_acts_on_a_terminal() -> None:
    line, carets = shown('a == "\x1b[2J\n" )')
    assert line == 'a == "\\x1b[2J\\n" )'
    assert carets == " " * 17 + "^"


def test_of_a_long_expression_the_part_around_the_mistake_is_shown() -> None:
    line, carets = shown(" or ".join(["length == 5"] * 100) + " ; " + " or ".join(["n == 5"] * 100))
    assert len(line) < 80
    assert line.startswith("...")
    assert line.endswith("...")
    assert line[carets.index("^")] == ";"
    assert carets.count("^") == 1


# Anything

WORDS = (
    "( ) { } [ ] , . == != < <= > >= = & && || ! ~ - and or not in contains matches true false null length type name"
)
MORE = "args object.app body 5 0x1F 1e3 9e999 \" ' \"a\" '(a' \\ $ \x1b é"
TOKENS = st.sampled_from(WORDS.split(" ") + MORE.split(" "))
TEXTS = st.text(max_size=60) | st.lists(TOKENS, max_size=20).map(" ".join) | st.lists(TOKENS, max_size=20).map("".join)


def mistake(text: str, read: Callable[[str], object]) -> FilterError | None:
    try:
        read(text)
    except FilterError as error:
        return error
    return None


@given(TEXTS)
@example("\ud800 == 1")
@example("a == '\udc80' )")
def test_any_text_is_read_or_has_a_mistake_inside(text: str) -> None:
    for error in (mistake(text, parse), mistake(text, parse_names)):
        if error is not None:
            assert 0 <= error.start <= error.stop <= len(text)
            assert "too deeply" not in error.problem
            line, carets = error.shown
            assert line.isprintable()
            assert "^" in carets
            assert carets.strip(" ^") == ""
