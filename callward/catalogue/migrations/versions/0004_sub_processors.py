"""The register of sub-processors."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ID = sa.String(length=64)


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "sub_processors",
        sa.Column("id", _ID, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", _ID, nullable=False, comment="SHA-256 of the file, hex"),
        sa.Column("status", _ID, nullable=False, comment="active | ended"),
        sa.Column("body", sa.JSON(), nullable=False, comment="the validated entry"),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", "version", name="pk_sub_processors"),
        comment="The register of sub-processors: each entry in every version, the newest counts.",
    )
