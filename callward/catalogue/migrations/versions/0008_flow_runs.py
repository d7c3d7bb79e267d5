"""Runs of flows, kept by us."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_ID = sa.String(length=64)
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "flow_runs",
        sa.Column("id", _ID, nullable=False, comment="the orchestrator's"),
        sa.Column("flow", _ID, nullable=False),
        sa.Column("night", _ID, nullable=True),
        sa.Column("parent", _ID, nullable=True, comment="the run it is a part of"),
        sa.Column("state_type", _ID, nullable=True),
        sa.Column("begun", _MOMENT, nullable=True, comment="when it started or was to"),
        sa.Column("body", sa.JSON(), nullable=False, comment="the reduced record"),
        sa.Column("digest", _ID, nullable=False, comment="SHA-256 of its canonical JSON, hex"),
        sa.Column("seen_at", _MOMENT, nullable=False, comment="when it was last read"),
        sa.Column("changed_at", _MOMENT, nullable=False, comment="when this digest was entered"),
        sa.Column(
            "missing_since", _MOMENT, nullable=True, comment="when the orchestrator had it no more"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_flow_runs"),
        comment="Runs of flows, kept when the orchestrator forgets them.",
    )
    op.create_index("ix_flow_runs_night", "flow_runs", ["night"])
    op.create_index("ix_flow_runs_parent", "flow_runs", ["parent"])
    op.create_index("ix_flow_runs_begun", "flow_runs", ["begun"])
