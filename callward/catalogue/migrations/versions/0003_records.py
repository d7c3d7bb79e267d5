"""Records of every category: versions, conversations, card scans, leases."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = sa.String(length=64)
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the change."""
    _new_tables()
    _new_columns()
    with op.batch_alter_table("people") as people:
        # Several people may have the same part in an interaction.
        people.drop_constraint("pk_people", type_="primary")
        people.create_primary_key("pk_people", ["interaction_id", "role", "blind"])
    if op.get_bind().dialect.name != "sqlite":
        _comments()


def _new_tables() -> None:
    op.create_table(
        "versions",
        sa.Column("interaction_id", _ID, nullable=False),
        sa.Column("content_digest", _ID, nullable=False),
        sa.Column("revision", _MOMENT, nullable=True),
        sa.Column("seen_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("interaction_id", "content_digest", name="pk_versions"),
        comment="Versions of a record that a newer one has taken the place of.",
    )
    op.create_table(
        "card_scans",
        sa.Column("object_id", _ID, nullable=False),
        sa.Column("controller", _ID, nullable=False),
        sa.Column(
            "state", _ID, nullable=False, comment="clean | found | muted | failed | unscannable"
        ),
        sa.Column("code", _ID, nullable=True, comment="why it failed"),
        sa.Column("engine", _ID, nullable=True, comment="who listened"),
        sa.Column(
            "spans",
            sa.JSON(),
            nullable=True,
            comment="found: [start, end] in seconds, still to be muted",
        ),
        sa.Column("muted", sa.Integer(), nullable=True, comment="spans muted"),
        sa.Column("muted_seconds", sa.Float(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True, comment="of audio listened to"),
        sa.Column("replaced_by", _ID, nullable=True, comment="the muted version"),
        sa.Column("at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("object_id", name="pk_card_scans"),
        comment="Recordings listened to for card numbers.",
    )
    op.create_index("ix_card_scans_controller", "card_scans", ["controller"])
    op.create_index("ix_card_scans_replaced_by", "card_scans", ["replaced_by"])
    op.create_table(
        "leases",
        sa.Column("name", _ID, nullable=False, comment="keyed: what is claimed"),
        sa.Column("holder", _ID, nullable=False),
        sa.Column("until", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
        comment="Drops that a worker has claimed.",
    )
    op.create_index("ix_leases_holder", "leases", ["holder"])


def _new_columns() -> None:
    with op.batch_alter_table("drop_items") as items:
        items.add_column(
            sa.Column(
                "reached",
                sa.BigInteger(),
                nullable=True,
                comment="byte of a file of records up to which it is in",
            )
        )
    with op.batch_alter_table("interactions") as interactions:
        for name, type_, comment in (
            ("revision", _MOMENT, "how new this version is, by the supplier's word"),
            ("conversation", _ID, "keyed: what belongs together"),
            ("about", _ID, "a transcript's recording, as an interaction"),
        ):
            interactions.add_column(sa.Column(name, type_, nullable=True, comment=comment))
        interactions.create_index("ix_interactions_conversation", ["conversation"])
        interactions.create_index("ix_interactions_about", ["about"])
    with op.batch_alter_table("objects") as objects:
        objects.add_column(
            sa.Column(
                "superseded_at",
                _MOMENT,
                nullable=True,
                comment="when a newer version of its record came",
            )
        )
    op.create_index("ix_stage_counts_at", "stage_counts", ["at"])
    with op.batch_alter_table("intents") as intents:
        intents.add_column(sa.Column("holder", _ID, nullable=True, comment="who writes there"))


def _comments() -> None:
    op.alter_column(
        "drop_items",
        "outcome",
        existing_type=_ID,
        existing_nullable=False,
        comment="ingested | duplicate | quarantined | part",
    )
    op.alter_column(
        "people",
        "role",
        existing_type=_ID,
        existing_nullable=False,
        comment="caller | called | agent | sender | …",
    )
