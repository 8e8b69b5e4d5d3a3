"""Indexes of the rows that sweeps look for every few seconds: few, however many are over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

LIVE = sa.text("state = 'live'")
OPEN = sa.text("state IN ('recording', 'processing')")


def upgrade() -> None:
    op.create_index("ix_rooms_live", "rooms", ["id"], postgresql_where=LIVE, sqlite_where=LIVE)
    op.create_index(
        "ix_recordings_open", "recordings", ["id"], postgresql_where=OPEN, sqlite_where=OPEN
    )


def downgrade() -> None:
    op.drop_index("ix_recordings_open", "recordings")
    op.drop_index("ix_rooms_live", "rooms")
