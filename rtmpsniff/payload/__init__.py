"""A message's bytes become a body and its fields. Pure functions; no state between messages."""

from __future__ import annotations
