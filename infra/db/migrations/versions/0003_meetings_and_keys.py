"""Planned meetings, scoped keys, the directory, webhooks, and what pods measure."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from infra.contract.ids import new_id

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
IN_BYTE_ORDER = sa.String().with_variant(sa.String(collation="C"), "postgresql")
DATA = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "revoked_tokens",
        sa.Column("jti", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("jti"),
    )
    op.create_index("ix_revoked_tokens_expires_at", "revoked_tokens", ["expires_at"])

    op.create_table(
        "people",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", IN_BYTE_ORDER, nullable=False),
        sa.Column("user_id_folded", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("name_folded", IN_BYTE_ORDER, nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("email_folded", IN_BYTE_ORDER, nullable=True),
        sa.Column("role", sa.String(), nullable=True),
        sa.Column("department", sa.String(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["tenants.id"],
        ),
        sa.PrimaryKeyConstraint("tenant_id", "user_id"),
    )
    op.create_index("ix_people_email", "people", ["tenant_id", "email_folded"])
    op.create_index("ix_people_name", "people", ["tenant_id", "name_folded"])
    op.create_table(
        "people_words",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("word", IN_BYTE_ORDER, nullable=False),
        sa.Column("user_id", IN_BYTE_ORDER, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "word", "user_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "people_grams",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("gram", IN_BYTE_ORDER, nullable=False),
        sa.Column("word", IN_BYTE_ORDER, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "gram", "word"),
        sqlite_with_rowid=False,
    )

    op.create_table(
        "webhook_endpoints",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("events", DATA, nullable=False),
        sa.Column("parts", DATA, nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("disabled_reason", sa.String(), nullable=True),
        sa.Column("secret_sealed", sa.String(), nullable=False),
        sa.Column("old_secret_sealed", sa.String(), nullable=True),
        sa.Column("old_secret_until", TIME, nullable=True),
        sa.Column("deleted_at", TIME, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["tenants.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_webhook_endpoints_tenant", "webhook_endpoints", ["tenant_id", "id"])

    op.create_table(
        "quality_samples",
        sa.Column("room_id", sa.Uuid(), nullable=False),
        sa.Column("participant_id", sa.Uuid(), nullable=False),
        sa.Column("from_at", TIME, nullable=False),
        sa.Column("until_at", TIME, nullable=False),
        sa.Column("packets", sa.BigInteger(), nullable=False),
        sa.Column("packets_lost", sa.BigInteger(), nullable=False),
        sa.Column("octets_in", sa.BigInteger(), nullable=False),
        sa.Column("octets_out", sa.BigInteger(), nullable=False),
        sa.Column("rtt_ms", sa.Float(), nullable=True),
        sa.Column("jitter_ms", sa.Float(), nullable=True),
        sa.Column("lasted_s", sa.Float(), nullable=False),
        sa.Column("quality", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["room_id"],
            ["rooms.id"],
        ),
        sa.PrimaryKeyConstraint("room_id", "participant_id", "from_at"),
    )
    op.create_index("ix_quality_samples_until_at", "quality_samples", ["until_at"])
    op.create_table(
        "tracks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("room_id", sa.Uuid(), nullable=False),
        sa.Column("track", DATA, nullable=False),
        sa.Column("began_at", TIME, nullable=False),
        sa.Column("ended_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["room_id"],
            ["rooms.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_tracks_ended_at", "tracks", ["ended_at"])
    op.create_index(
        "ix_tracks_open",
        "tracks",
        ["room_id"],
        postgresql_where=sa.text("ended_at IS NULL"),
        sqlite_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("room_id", sa.Uuid(), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=True),
        sa.Column("ordered", sa.Boolean(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("about", DATA, nullable=False),
        sa.Column("body", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", DATA, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", TIME, nullable=True),
        sa.Column("token", sa.Uuid(), nullable=True),
        sa.Column("lease_until", TIME, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("delivered_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["endpoint_id"],
            ["webhook_endpoints.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    undelivered = "state IN ('held', 'pending')"
    op.create_index(
        "ix_webhook_deliveries_due",
        "webhook_deliveries",
        ["next_attempt_at"],
        postgresql_where=sa.text(undelivered),
        sqlite_where=sa.text(undelivered),
    )
    op.create_index("ix_webhook_deliveries_endpoint", "webhook_deliveries", ["endpoint_id", "id"])
    op.create_index("ix_webhook_deliveries_old", "webhook_deliveries", ["created_at"])
    op.create_index(
        "ix_webhook_deliveries_order",
        "webhook_deliveries",
        ["endpoint_id", "room_id", "seq", "id"],
        postgresql_where=sa.text("state = 'pending'"),
        sqlite_where=sa.text("state = 'pending'"),
    )

    op.add_column("api_keys", sa.Column("id", sa.Uuid(), nullable=True))
    op.add_column("api_keys", sa.Column("name", sa.String(), nullable=True))
    op.add_column("api_keys", sa.Column("scopes", DATA, nullable=True))
    op.add_column("api_keys", sa.Column("room_ids", DATA, nullable=True))
    op.add_column("api_keys", sa.Column("made_with", sa.Uuid(), nullable=True))
    op.create_index("ix_api_keys_expires_at", "api_keys", ["expires_at"])
    op.create_index("ix_audit_log_at", "audit_log", ["at"])
    op.create_index("uq_api_keys_id", "api_keys", ["id"], unique=True)
    # Tokens name the key they were made with, so every key gets a name.
    keys = sa.table("api_keys", sa.column("sha256", sa.String()), sa.column("id", sa.Uuid()))
    for sha256 in op.get_bind().scalars(sa.select(keys.c.sha256)).all():
        op.execute(sa.update(keys).where(keys.c.sha256 == sha256).values(id=new_id()))

    op.add_column("tenants", sa.Column("external_ref", sa.String(), nullable=True))
    op.create_index("uq_tenants_external_ref", "tenants", ["external_ref"], unique=True)

    op.add_column("chat_messages", sa.Column("sender_id", sa.String(), nullable=True))
    op.add_column(
        "chat_messages", sa.Column("kind", sa.String(), server_default="text", nullable=False)
    )
    op.add_column(
        "chat_messages", sa.Column("to", sa.String(), server_default="all", nullable=False)
    )
    op.add_column("chat_messages", sa.Column("recipient_id", sa.Uuid(), nullable=True))
    op.add_column("chat_messages", sa.Column("deleted_at", TIME, nullable=True))
    op.add_column("chat_messages", sa.Column("edited_at", TIME, nullable=True))

    op.add_column("participants", sa.Column("held_at", TIME, nullable=True))
    op.add_column("participants", sa.Column("email", sa.String(), nullable=True))
    op.add_column("participants", sa.Column("phone", sa.String(), nullable=True))
    op.add_column(
        "participants", sa.Column("granted", DATA, server_default=sa.text("'{}'"), nullable=False)
    )
    op.add_column("participants", sa.Column("invited_at", TIME, nullable=True))
    op.add_column("participants", sa.Column("invitation", sa.String(), nullable=True))
    op.add_column("participants", sa.Column("admission", sa.String(), nullable=True))
    op.add_column("participants", sa.Column("asked_at", TIME, nullable=True))
    op.create_index("ix_participants_user", "participants", ["tenant_id", "external_user_id"])
    op.create_index(
        "ix_participants_waiting",
        "participants",
        ["room_id"],
        postgresql_where=sa.text("admission = 'waiting'"),
        sqlite_where=sa.text("admission = 'waiting'"),
    )

    op.add_column("rooms", sa.Column("kind", sa.String(), server_default="instant", nullable=False))
    op.add_column("rooms", sa.Column("creator_id", sa.String(), nullable=True))
    op.add_column("rooms", sa.Column("description", sa.String(), nullable=True))
    op.add_column("rooms", sa.Column("location", sa.String(), nullable=True))
    op.add_column("rooms", sa.Column("starts_at", TIME, nullable=True))
    op.add_column("rooms", sa.Column("ends_at", TIME, nullable=True))
    op.add_column("rooms", sa.Column("recurrence", sa.String(), nullable=True))
    op.add_column("rooms", sa.Column("series_starts_at", TIME, nullable=True))
    op.add_column(
        "rooms", sa.Column("is_active", sa.Boolean(), server_default=sa.true(), nullable=False)
    )
    op.add_column("rooms", sa.Column("orders", sa.Integer(), server_default="0", nullable=False))
    op.execute("UPDATE rooms SET orders = version")
    op.create_index("ix_rooms_creator", "rooms", ["tenant_id", "creator_id"])
    coming = "state = 'scheduled' AND kind = 'recurring'"
    op.create_index(
        "ix_rooms_coming",
        "rooms",
        ["starts_at"],
        postgresql_where=sa.text(coming),
        sqlite_where=sa.text(coming),
    )
    op.create_index("ix_jobs_over", "jobs", ["queue", "state", "updated_at"])
    # Seats of before were held from when they were given out.
    op.execute("UPDATE participants SET held_at = created_at")
