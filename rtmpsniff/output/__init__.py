"""Events become text and files."""

from __future__ import annotations
