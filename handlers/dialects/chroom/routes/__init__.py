"""Chroom's operations, in the order they are matched."""

from __future__ import annotations

from handlers.dialects.chroom.routes import analytics, keys, meetings, streams
from handlers.dialects.operation import Table

OPERATIONS = Table([*meetings.TABLE, *streams.TABLE, *analytics.TABLE, *keys.TABLE])
