"""rtmpsniff: watches RTMP and shows every byte with its meaning."""

from __future__ import annotations
