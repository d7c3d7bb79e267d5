"""Shards of transcription that any worker may do."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ID = sa.String(length=64)
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "shards",
        sa.Column("id", _ID, nullable=False),
        sa.Column("night", _ID, nullable=False),
        sa.Column("parent", _ID, nullable=False, comment="who planned it and waits for it"),
        sa.Column("place", sa.Integer(), nullable=False, comment="in the order of handing out"),
        sa.Column("controller", _ID, nullable=False),
        sa.Column("engine", _ID, nullable=False),
        sa.Column(
            "state", _ID, nullable=False, comment="planned | taken | done | failed | abandoned"
        ),
        sa.Column("code", _ID, nullable=True, comment="why it failed or was abandoned"),
        sa.Column(
            "holder",
            _ID,
            nullable=True,
            comment="who took it last; the lease says whether it still counts",
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("handed_out", sa.Integer(), nullable=False, comment="how often"),
        sa.Column("recordings", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False, comment="of audio, every channel counted"),
        sa.Column(
            "body", sa.JSON(), nullable=False, comment="the run, and recordings until it ends"
        ),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("failures", sa.JSON(), nullable=False, comment="ids and codes"),
        sa.Column("planned_at", _MOMENT, nullable=False),
        sa.Column("handed_out_at", _MOMENT, nullable=True),
        sa.Column("taken_at", _MOMENT, nullable=True),
        sa.Column("ended_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_shards"),
        comment="Parts of a night's transcription that any worker may do.",
    )
    op.create_index("ix_shards_night", "shards", ["night"])
    op.create_index("ix_shards_state", "shards", ["state"])
