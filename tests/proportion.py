"""Whether work grows in proportion to its input, measured so that a busy machine cannot make a right answer wrong."""

from __future__ import annotations

import gc
from collections.abc import Callable


def grows_gently(measure: Callable[[int], float], small: int, large: int, factor: float) -> bool:
    """Whether `measure(large)`, in seconds of processor time, is at most `factor` times `measure(small)`, and 0.1 s.

    Noise only ever makes one of the two longer, so one good answer out of three is the right one; work that grows with
    the square of its input gives none. The collector leaves alone what the other tests hold: it would look through all
    of that again and again, and more often in the longer run.
    """
    gc.collect()
    gc.freeze()
    try:
        return any(measure(large) <= factor * measure(small) + 0.1 for _ in range(3))
    finally:
        gc.unfreeze()
