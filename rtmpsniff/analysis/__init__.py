"""Events become figures and findings."""

from __future__ import annotations
