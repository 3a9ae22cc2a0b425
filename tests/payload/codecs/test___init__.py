from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rtmpsniff.payload import codecs

SHARED = {"__init__", "bits", "configuration", "sound"}  # what all codecs are read with
HOME = Path(codecs.__file__).parent


def test_every_codec_has_its_name() -> None:
    assert set(codecs.__all__) == {path.stem for path in HOME.glob("*.py")} - SHARED


@pytest.mark.parametrize("name", codecs.__all__)
def test_names_are_modules(name: str) -> None:
    assert getattr(codecs, name).__name__ == f"rtmpsniff.payload.codecs.{name}"


def test_other_names_are_none() -> None:
    with pytest.raises(AttributeError, match="'mp4'"):
        codecs.mp4  # type: ignore[attr-defined]  # noqa: B018


def loaded(code: str) -> set[str]:
    """The codecs that a new interpreter has loaded after `code`."""
    ask = "import sys; print(*[name.rpartition('.')[2] for name in sys.modules if '.payload.codecs.' in name])"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{ask}"], capture_output=True, text=True, check=True, cwd=HOME.parents[2]
    )
    return set(done.stdout.split()) & set(codecs.__all__)


def test_codecs_are_loaded_where_a_message_is_of_them() -> None:
    decode = "from rtmpsniff.payload.bodies import decode\n"
    assert loaded(decode) == set()
    assert loaded(f"{decode}decode(9, bytes.fromhex('1700000000'))") == set()
    assert loaded(f"{decode}decode(9, bytes.fromhex('170000000001'))") == {"avc", "nal"}
    assert loaded(f"{decode}decode(8, bytes.fromhex('af00121056e500'))") == {"aac"}
    assert loaded(f"{decode}decode(8, bytes.fromhex('2ffffb9064'))") == {"mpeg_audio"}
