"""Packets become the byte streams of TCP connections."""

from __future__ import annotations
