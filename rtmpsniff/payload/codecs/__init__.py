"""What a codec's own bytes say: the records that configure a decoder, the heads of coded frames. Pure functions."""

from __future__ import annotations
