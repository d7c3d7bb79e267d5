"""Evidence items, packs, reviews of the notice, and material changes."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_ID = sa.String(length=64)
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "evidence_items",
        sa.Column("id", _ID, nullable=False),
        sa.Column("kind", _ID, nullable=False),
        sa.Column("night", _ID, nullable=False),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("to_day", sa.Date(), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column(
            "newest",
            _MOMENT,
            nullable=True,
            comment="the moment of the newest thing in it",
        ),
        sa.Column(
            "digest",
            _ID,
            nullable=False,
            comment="SHA-256 of the pack's file, hex",
        ),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("collected_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_evidence_items"),
        comment="What each night has collected to prove the notice's clauses.",
    )
    op.create_index(
        "ix_evidence_items_kind_collected_at", "evidence_items", ["kind", "collected_at"]
    )
    op.create_table(
        "material_changes",
        sa.Column("id", _ID, nullable=False),
        sa.Column(
            "kind",
            _ID,
            nullable=False,
            comment="notice | law | instruction | sub-processor | engine | region | assurance"
            " | dependency",
        ),
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column("before", sa.String(length=200), nullable=True, comment="null: new"),
        sa.Column("after", sa.String(length=200), nullable=True, comment="null: gone"),
        sa.Column("found_at", _MOMENT, nullable=False),
        sa.Column(
            "review",
            _ID,
            nullable=True,
            comment="the review that has dealt with it",
        ),
        sa.Column("dealt_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_material_changes"),
        comment="Changes that make a review of the notice necessary.",
    )
    op.create_index("ix_material_changes_review", "material_changes", ["review"])
    op.create_table(
        "material_facts",
        sa.Column("kind", _ID, nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column(
            "value", sa.String(length=200), nullable=False, comment="a digest, version or code"
        ),
        sa.Column("seen_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject", name="pk_material_facts"),
        comment="What a material change would change, as it was last seen.",
    )
    op.create_table(
        "packs",
        sa.Column("id", _ID, nullable=False, comment="SHA-256 of the file, hex"),
        sa.Column(
            "kind",
            _ID,
            nullable=False,
            comment="nightly | monthly | draft | annual",
        ),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("to_day", sa.Date(), nullable=False),
        sa.Column("ledger_size", sa.BigInteger(), nullable=False, comment="of its checkpoint"),
        sa.Column(
            "previous",
            _ID,
            nullable=True,
            comment="the pack of the same kind before it",
        ),
        sa.Column("verdicts", sa.JSON(), nullable=False, comment="clause: state"),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_packs"),
        comment="Packs of evidence that were made.",
    )
    op.create_index("ix_packs_kind_to_day", "packs", ["kind", "to_day"])
    op.create_table(
        "review_actions",
        sa.Column("id", _ID, nullable=False),
        sa.Column("review", _ID, nullable=False),
        sa.Column("clause", _ID, nullable=False),
        sa.Column(
            "action",
            sa.String(length=400),
            nullable=False,
            comment="what is to be done; no person in it",
        ),
        sa.Column(
            "owner", sa.String(length=200), nullable=False, comment="an office, not a person"
        ),
        sa.Column("due_day", sa.Date(), nullable=False, comment="London day"),
        sa.Column("state", _ID, nullable=False, comment="proposed | open | closed"),
        sa.Column(
            "reference",
            sa.String(length=200),
            nullable=True,
            comment="closed: what shows that it was done",
        ),
        sa.Column("opened_at", _MOMENT, nullable=False),
        sa.Column("closed_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_review_actions"),
        comment="What reviews have decided should be done.",
    )
    op.create_index("ix_review_actions_review", "review_actions", ["review"])
    op.create_table(
        "reviews",
        sa.Column("id", _ID, nullable=False),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("to_day", sa.Date(), nullable=False),
        sa.Column(
            "state",
            _ID,
            nullable=False,
            comment="drafted | commented | approved | approved-with-actions | rejected | withdrawn"
            " | published",
        ),
        sa.Column(
            "draft",
            _ID,
            nullable=False,
            comment="digest of what is to be approved",
        ),
        sa.Column(
            "draft_pack",
            _ID,
            nullable=False,
            comment="SHA-256 of the draft pack, hex",
        ),
        sa.Column("comments", sa.JSON(), nullable=False, comment="clause: the officer's remark"),
        sa.Column(
            "officer_note_id",
            _ID,
            nullable=True,
            comment="sealed note: who commented",
        ),
        sa.Column(
            "board_note_id",
            _ID,
            nullable=True,
            comment="sealed note: who approved",
        ),
        sa.Column("names", sa.Integer(), nullable=True, comment="how many approved"),
        sa.Column(
            "meeting_day", sa.Date(), nullable=True, comment="London day of the board's decision"
        ),
        sa.Column(
            "minute",
            sa.String(length=200),
            nullable=True,
            comment="reference of the board's minute",
        ),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("commented_at", _MOMENT, nullable=True),
        sa.Column("decided_at", _MOMENT, nullable=True),
        sa.Column("pack", _ID, nullable=True, comment="SHA-256 of the final pack, hex"),
        sa.PrimaryKeyConstraint("id", name="pk_reviews"),
        comment="Annual reviews of the notice.",
    )
    op.create_index("ix_reviews_state", "reviews", ["state"])
