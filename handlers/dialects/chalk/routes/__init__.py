"""Chalk's operations, in the order they are matched."""

from __future__ import annotations

from handlers.dialects.chalk.routes import (
    invites,
    people,
    recordings,
    rooms,
    statistics,
    tenants,
    webhooks,
)
from handlers.dialects.operation import Table

OPERATIONS = Table(
    [
        *tenants.TABLE,
        *rooms.TABLE,
        *statistics.TABLE,
        *invites.TABLE,
        *recordings.TABLE,
        *people.TABLE,
        *webhooks.TABLE,
    ]
)
