"""Transcribing again, and disclosures to sub-processors."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ID = sa.String(length=64)


def upgrade() -> None:
    """Make the change."""
    with op.batch_alter_table("transcriptions") as table:
        table.add_column(
            sa.Column(
                "wanted",
                _ID,
                nullable=True,
                comment="engine, by its name in the settings, to do it again",
            )
        )
    op.create_table(
        "disclosures",
        sa.Column("id", _ID, nullable=False),
        sa.Column("night", _ID, nullable=False),
        sa.Column("controller", _ID, nullable=False),
        sa.Column("sub_processor", _ID, nullable=False),
        sa.Column("country", _ID, nullable=False, comment="where it processes, ISO 3166-1 alpha-2"),
        sa.Column("engine", _ID, nullable=False),
        sa.Column("instruction", _ID, nullable=False, comment="digest of the one in force"),
        sa.Column("state", _ID, nullable=False, comment="announced | ended"),
        sa.Column("recordings", sa.Integer(), nullable=False, comment="that may go, or that went"),
        sa.Column("seconds", sa.Float(), nullable=False, comment="of audio, every channel counted"),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_disclosures"),
        comment="Recordings disclosed to sub-processors, batch by batch.",
    )
    op.create_index("ix_disclosures_controller", "disclosures", ["controller"])
    op.create_index("ix_disclosures_sub_processor", "disclosures", ["sub_processor"])
