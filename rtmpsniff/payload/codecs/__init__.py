"""What a codec's own bytes say: the records that configure a decoder, the heads of coded frames. Pure functions.

`codecs.hevc` is loaded when it is first asked for: a capture has two codecs and not twelve, and who waits for a short
run waits for what is loaded.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

__all__ = [
    "aac",
    "ac3",
    "av1",
    "avc",
    "flac",
    "flash_video",
    "hevc",
    "mpeg_audio",
    "nal",
    "opus",
    "speex",
    "vpx",
    "vvc",
]

if TYPE_CHECKING:
    from rtmpsniff.payload.codecs import (
        aac,
        ac3,
        av1,
        avc,
        flac,
        flash_video,
        hevc,
        mpeg_audio,
        nal,
        opus,
        speex,
        vpx,
        vvc,
    )
else:  # out of sight of type checkers, for whom it would make any name one

    def __getattr__(name: str) -> ModuleType:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return import_module(f"{__name__}.{name}")
