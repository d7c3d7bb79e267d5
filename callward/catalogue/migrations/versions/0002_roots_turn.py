"""Roots that turn, erasures, approvals, restrictions, drills, backups; a ledger with nodes."""

import sqlalchemy as sa
from alembic import op

from callward.ledger import nodes

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "approvals",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("plan_hash", sa.String(length=64), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column(
            "controller",
            sa.String(length=64),
            nullable=True,
            comment="the run's scope; null: everybody",
        ),
        sa.Column("reasons", sa.JSON(), nullable=False, comment="the brake's codes"),
        sa.Column("plan", sa.JSON(), nullable=False, comment="controller, kind, count"),
        sa.Column(
            "state",
            sa.String(length=64),
            nullable=False,
            comment="waiting | approved | rejected | expired | used",
        ),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "note_id",
            sa.String(length=64),
            nullable=True,
            comment="sealed note: who decided, and why",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
    )
    with op.batch_alter_table("approvals", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_approvals_plan_hash"), ["plan_hash"], unique=False)

    op.create_table(
        "backups",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("ledger_size", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backups")),
    )
    op.create_table(
        "cell_answers",
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("cell", sa.String(length=64), nullable=False),
        sa.Column(
            "answer",
            sa.String(length=64),
            nullable=False,
            comment="held | destroyed | pending | refused",
        ),
        sa.Column(
            "until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="pending: when the cell will have destroyed it",
        ),
        sa.Column("code", sa.String(length=64), nullable=True, comment="refused: why"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("generation", "cell", name=op.f("pk_cell_answers")),
    )
    op.create_table(
        "drills",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=64), nullable=False, comment="passed | failed"),
        sa.Column(
            "body", sa.JSON(), nullable=False, comment="what was restored and tried, in counts"
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drills")),
    )
    op.create_table(
        "erasures",
        sa.Column("object_id", sa.String(length=64), nullable=False),
        sa.Column("controller", sa.String(length=64), nullable=False),
        sa.Column(
            "reason_id",
            sa.String(length=64),
            nullable=False,
            comment="sealed note: why, and who instructed it",
        ),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("object_id", name=op.f("pk_erasures")),
        comment="Erasures instructed before the due day.",
    )
    with op.batch_alter_table("erasures", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_erasures_controller"), ["controller"], unique=False)

    op.create_table(
        "ledger_cosignatures",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("witness", sa.Text(), nullable=False, comment="its verifier key"),
        sa.Column("line", sa.Text(), nullable=False, comment="C2SP cosignature line"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("size", "witness", name=op.f("pk_ledger_cosignatures")),
    )
    op.create_table(
        "ledger_keys",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("verifier", sa.Text(), nullable=False, comment="C2SP verifier key"),
        sa.Column(
            "since_size", sa.BigInteger(), nullable=False, comment="signs heads from this size on"
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_ledger_keys")),
    )
    op.create_table(
        "ledger_nodes",
        sa.Column("height", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("height", "position", name=op.f("pk_ledger_nodes")),
        comment="Roots of whole subtrees of 256, 65536, … leaves: a proof reads few leaves.",
    )
    op.create_table(
        "ledger_timestamps",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "token", sa.LargeBinary(), nullable=False, comment="RFC 3161 time-stamp response"
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="the authority's time"),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_ledger_timestamps")),
    )
    op.create_table(
        "scans",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=64), nullable=False, comment="sweep | whole"),
        sa.Column("sweep_id", sa.String(length=64), nullable=True),
        sa.Column("outcome", sa.String(length=64), nullable=False, comment="clean | found"),
        sa.Column("counts", sa.JSON(), nullable=False, comment="store: finding: how many"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scans")),
    )
    with op.batch_alter_table("generations", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "retired_at",
                sa.DateTime(timezone=True),
                nullable=True,
                comment="when the last cell had destroyed it",
            )
        )

    with op.batch_alter_table("holds", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "basis",
                sa.String(length=64),
                server_default="hold",
                nullable=False,
                comment="hold | restriction (Art 18)",
            )
        )

    with op.batch_alter_table("objects", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "early",
                sa.Boolean(),
                server_default=sa.false(),
                nullable=False,
                comment="its erasure was instructed: its due day no longer follows the period",
            )
        )
        batch_op.drop_index(batch_op.f("ix_objects_state_controller_due_day"))
        batch_op.create_index(
            "ix_objects_state_due_day", ["state", "due_day", "controller"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_objects_store_key"), ["store_key"], unique=False)

    with op.batch_alter_table("pages", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "turned_in",
                sa.Integer(),
                nullable=True,
                comment="generation whose turn moved survivors here",
            )
        )
        batch_op.create_index(batch_op.f("ix_pages_turned_in"), ["turned_in"], unique=False)

    with op.batch_alter_table("sweeps", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "kind",
                sa.String(length=64),
                server_default="retention",
                nullable=False,
                comment="retention | erasure",
            )
        )
        batch_op.add_column(sa.Column("generation_before", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("generation_after", sa.Integer(), nullable=True))
        batch_op.add_column(
            sa.Column(
                "facts",
                sa.JSON(),
                nullable=True,
                comment="what the checks and scans after it found, in counts",
            )
        )

    with op.batch_alter_table("objects", schema=None) as batch_op:
        batch_op.alter_column(
            "retention_class",
            existing_type=sa.String(length=64),
            nullable=False,
            comment="see instructions.classes",
        )
    # Voicemail has a class of its own now; its transcripts follow when due days are looked at.
    op.execute("UPDATE objects SET retention_class = 'voicemail' WHERE kind = 'voicemail'")

    for table, comment in (
        ("generations", "making | current | retiring | retired"),
        ("sweeps", "marked | turned | checked | complete"),
    ):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.alter_column(
                "state", existing_type=sa.String(length=64), nullable=False, comment=comment
            )

    # A ledger that is older than its nodes; what they are is fixed by RFC 9162, not by us.
    nodes.fill(op.get_bind())
