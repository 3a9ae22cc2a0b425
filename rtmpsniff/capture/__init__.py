"""Files and interfaces become packets."""

from __future__ import annotations
