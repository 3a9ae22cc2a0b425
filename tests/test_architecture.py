"""The house keeps its rules: who imports whom, who touches the outside world, who names a color, what is tested."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import rtmpsniff
from rtmpsniff.findings import RULES, Rule

PACKAGE = Path(rtmpsniff.__file__).parent
TESTS = Path(__file__).parent
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))

# Lowest first. A module imports only from its own layer and from those before it.
LAYERS = (
    {"text", "errors", "version", "budget"},
    {"fields"},
    {"findings"},
    {"capture"},
    {"transport"},
    {"tunnel"},
    {"payload"},
    {"rtmp"},
    {"analysis"},
    {"dissect"},
    {"output"},
    {"api"},
    {"cli"},
    {"__main__"},
)
FOUNDATION = {"text", "errors", "version", "budget", "fields", "findings"}

# Closer bounds than the order: what a room may import beside itself.
ONLY = {
    "text": set(),
    "budget": set(),
    "fields": {"text"},
    "findings": set(),
    "capture": {"text", "errors", "version"},  # a capture file names the program that wrote it
    "transport": {"budget", "capture"},
    "tunnel": {"text", "errors", "findings", "budget", "capture", "transport"},
    "payload": {"text", "fields", "findings"},
}
# These know fields and no protocol.
DRAWING = ("output/columns.py", "output/hexdump.py", "output/theme.py", "output/tree.py")

# The only modules that touch the outside world: files, interfaces, the terminal.
OUTSIDE = re.compile(
    r"capture/(files|growing|interfaces|libpcap|live|portable|recorder|ring|stop)\.py|output/.*|cli/.*|__main__\.py"
)
OUTSIDE_MODULES = {
    "logging",
    "time",
    "socket",
    "select",
    "subprocess",
    "sys",
    "tempfile",
    "shutil",
    "signal",
    "threading",
}
OUTSIDE_CALLS = {"print", "open", "input", "breakpoint"}
CLOCKS = {"now", "utcnow", "today"}

# Modules without a test module of their own, each with its reason.
UNTESTED = {
    "__init__.py": "test_api.py tests the public names",
    "__main__.py": "one call of cli.main; test_architecture.py runs it",
    "version.py": "one constant",
    "errors.py": "classes without code",
    "transport/events.py": "types without code",
    "payload/types.py": "tables; test_bodies.py goes through them",
    "cli/__init__.py": "the door of the program; every test in tests/cli goes through it",
}

# Rules that nothing finds yet, each with its reason.
NOT_YET: dict[str, str] = {}


@cache
def parsed(module: str) -> ast.Module:
    return ast.parse((PACKAGE / module).read_text())


def room(module: str) -> str:
    """`rtmp` for `rtmp/chunk.py`, `text` for `text.py`."""
    return module.split("/", maxsplit=1)[0].removesuffix(".py")


def imports(module: str) -> Iterator[str]:
    """The full names of what a module imports, wherever it does."""
    for node in ast.walk(parsed(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports by a relative name"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(module: str) -> set[str]:
    """The rooms of the package that a module imports from."""
    return {name.split(".")[1] for name in imports(module) if name.startswith("rtmpsniff.")}


def rank(name: str) -> int:
    return next(number for number, layer in enumerate(LAYERS) if name in layer)


def written(module: str) -> Iterator[str]:
    """The names and the texts in a module, docstrings left out."""
    tree = parsed(module)
    prose = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=text) | ast.Attribute(attr=text) | ast.arg(arg=text):
                yield text
            case ast.FunctionDef(name=text) | ast.ClassDef(name=text) | ast.Constant(value=str(text)):
                if id(node) not in prose:
                    yield text


# One direction


def test_every_module_has_its_layer() -> None:
    rooms = {room(module) for module in MODULES} - {"__init__"}
    assert rooms <= set().union(*LAYERS)


@pytest.mark.parametrize("module", [module for module in MODULES if module != "__init__.py"])
def test_imports_go_downwards(module: str) -> None:
    here = rank(room(module))
    assert {name for name in own_imports(module) if rank(name) > here} == set()


@pytest.mark.parametrize("module", [module for module in MODULES if room(module) in ONLY])
def test_lower_rooms_know_little(module: str) -> None:
    assert own_imports(module) <= ONLY[room(module)] | {room(module)}


@pytest.mark.parametrize("module", DRAWING)
def test_drawing_imports_nothing_of_the_protocol(module: str) -> None:
    assert own_imports(module) <= FOUNDATION | {"output"}
    drawing = tuple(f"rtmpsniff.{other.removesuffix('.py').replace('/', '.')}." for other in DRAWING)
    assert all(name.startswith(drawing) for name in imports(module) if name.startswith("rtmpsniff.output."))


@pytest.mark.parametrize("module", ["output/hexdump.py", "output/tree.py"])
def test_drawing_contains_no_rtmp_word(module: str) -> None:
    words = re.compile(r"rtmp|amf|chunk|message|handshake|csid|command|audio|video|codec|flv", re.IGNORECASE)
    assert [text for text in written(module) if words.search(text)] == []


# The outside world


@pytest.mark.parametrize("module", [module for module in MODULES if not OUTSIDE.fullmatch(module)])
def test_nothing_inside_touches_the_outside(module: str) -> None:
    assert {name for name in imports(module) if name.split(".")[0] in OUTSIDE_MODULES} == set()
    for node in ast.walk(parsed(module)):
        match node:
            case ast.Call(func=ast.Name(id=name)):
                assert name not in OUTSIDE_CALLS, f"{module}:{node.lineno}"
            case ast.Call(func=ast.Attribute(attr=name)):
                assert name not in CLOCKS, f"{module}:{node.lineno} asks for the time"


@pytest.mark.parametrize("module", [module for module in MODULES if OUTSIDE.fullmatch(module)])
def test_nobody_prints_or_logs(module: str) -> None:
    assert "logging" not in {name.split(".")[0] for name in imports(module)}
    calls = [node.func for node in ast.walk(parsed(module)) if isinstance(node, ast.Call)]
    assert "print" not in {function.id for function in calls if isinstance(function, ast.Name)}


# Colors


def test_only_the_theme_names_a_color() -> None:
    escapes = [
        module
        for module in MODULES
        for node in ast.walk(parsed(module))
        if isinstance(node, ast.Constant) and "\x1b" in _text(node.value)
    ]
    assert set(escapes) == {"output/theme.py"}


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value if isinstance(value, str) else ""


@pytest.mark.parametrize("module", MODULES)
def test_no_escape_byte_stands_in_a_source(module: str) -> None:
    assert b"\x1b" not in (PACKAGE / module).read_bytes()


# The page that shows the rooms

PAGE = PACKAGE.parent / "CONTRIBUTING.md"


@pytest.mark.parametrize("large", ["transport", "rtmp"])
def test_the_page_names_every_module_of_a_large_room(large: str) -> None:
    begin = PAGE.read_text().index(f"In `{large}/`")
    corners = PAGE.read_text()[begin:].split("\n\n")[1]
    named = set(re.findall(r"`(\w+\.py)`", corners))
    assert named == {module.split("/")[1] for module in MODULES if room(module) == large} - {"__init__.py"}


def test_the_page_names_every_room() -> None:
    rows = re.findall(r"^\| (`.*?) \|", PAGE.read_text(), re.MULTILINE)
    named = {name.removesuffix(".py").removesuffix("/") for row in rows for name in re.findall(r"`([\w/.]+)`", row)}
    assert {room(module) for module in MODULES} - {"__init__", "__main__", "dissect"} <= named


# Tests mirror the package


def mirror(module: str) -> Path:
    folder, _, name = module.rpartition("/")
    return TESTS / folder / f"test_{name}"


def packages_only(module: str) -> bool:
    """A docstring and imports: nothing to test."""
    return all(isinstance(node, ast.Expr | ast.ImportFrom) for node in parsed(module).body)


@pytest.mark.parametrize("module", [module for module in MODULES if module not in UNTESTED])
def test_every_module_has_its_tests(module: str) -> None:
    assert packages_only(module) or mirror(module).is_file(), f"no {mirror(module).relative_to(TESTS.parent)}"


def test_exceptions_are_still_exceptions() -> None:
    assert set(UNTESTED) <= set(MODULES)
    assert [module for module in UNTESTED if mirror(module).is_file()] == []


# Rules


def test_every_rule_is_used() -> None:
    names = {name: rule for name, rule in vars(rtmpsniff.findings).items() if isinstance(rule, Rule)}
    assert set(names.values()) == set(RULES)
    used = {text for module in MODULES if module != "findings.py" for text in written(module)}
    assert set(names) - used == set(NOT_YET)


# Start-up


@pytest.mark.parametrize(
    "arguments", [("-m", "rtmpsniff", "--version"), ("-c", "import rtmpsniff.cli.read")], ids=["--version", "read"]
)
def test_scapy_is_not_imported(arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-X", "importtime", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "rtmpsniff" in imported
    assert {name.split(".")[0] for name in imported} & {"scapy", "rich", "dpkt", "re2", "cryptography"} == set()
    assert imported & {"rtmpsniff.analysis.filter", "rtmpsniff.output.table"} == set()


@pytest.mark.parametrize("module", MODULES)
def test_scapy_is_imported_inside_functions_only(module: str) -> None:
    functions = [node for node in ast.walk(parsed(module)) if isinstance(node, ast.FunctionDef)]
    inside = {id(node) for function in functions for node in ast.walk(function)}
    for node in ast.walk(parsed(module)):
        if isinstance(node, ast.Import | ast.ImportFrom) and id(node) not in inside:
            assert "scapy" not in ast.unparse(node)
