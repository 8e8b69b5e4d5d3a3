"""KCS Meeting's operations, in the order they are matched."""

from __future__ import annotations

from handlers.dialects.kcs.routes import archive, meetings, people
from handlers.dialects.operation import Table

OPERATIONS = Table([*archive.SYSTEM, *meetings.TABLE, *people.TABLE, *archive.TABLE])
