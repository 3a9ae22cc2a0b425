"""Byte streams become the events of RTMP sessions."""

from __future__ import annotations
