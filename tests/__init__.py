"""The tests, and the small encoder (`tests.build`) that they make their traffic with."""

from __future__ import annotations
