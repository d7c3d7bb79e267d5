"""Independent assurance, and imported reports of vulnerabilities."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_ID = sa.String(length=64)


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "assurance_items",
        sa.Column("id", _ID, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", _ID, nullable=False, comment="SHA-256 of the file, hex"),
        sa.Column("kind", _ID, nullable=False),
        sa.Column("body", sa.JSON(), nullable=False, comment="the validated item"),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", "version", name="pk_assurance_items"),
        comment="The register of assurance: each item in every version, the newest counts.",
    )
    op.create_table(
        "vulnerability_reports",
        sa.Column("id", _ID, nullable=False, comment="SHA-256 of the file, hex"),
        sa.Column("format", _ID, nullable=False, comment="pip-audit | sarif"),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("vulnerabilities", sa.Integer(), nullable=False, comment="how many it names"),
        sa.Column("body", sa.JSON(), nullable=False, comment="the report as it was reduced"),
        sa.PrimaryKeyConstraint("id", name="pk_vulnerability_reports"),
        comment="Reports of vulnerable packages that other programs have made.",
    )
