"""RTMP inside something else: takes the events of TCP connections, gives those of the streams that they carry."""

from __future__ import annotations
