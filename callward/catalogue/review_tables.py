"""Tables of evidence items, packs, the annual review, and what makes one necessary."""

import sqlalchemy as sa

from callward.catalogue.base import CODE, ID, Moment, metadata

_LINE = sa.String(400)

evidence_items = sa.Table(
    "evidence_items",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("kind", CODE, nullable=False),
    sa.Column("night", ID, nullable=False),
    sa.Column("from_day", sa.Date, nullable=False),
    sa.Column("to_day", sa.Date, nullable=False),
    sa.Column("source", sa.String(200), nullable=False),
    sa.Column("newest", Moment, comment="the moment of the newest thing in it"),
    sa.Column("digest", ID, nullable=False, comment="SHA-256 of the pack's file, hex"),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("collected_at", Moment, nullable=False),
    sa.Index("ix_evidence_items_kind_collected_at", "kind", "collected_at"),
    comment="What each night has collected to prove the notice's clauses.",
)

packs = sa.Table(
    "packs",
    metadata,
    sa.Column("id", ID, primary_key=True, comment="SHA-256 of the file, hex"),
    sa.Column("kind", CODE, nullable=False, comment="nightly | monthly | draft | annual"),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("from_day", sa.Date, nullable=False),
    sa.Column("to_day", sa.Date, nullable=False),
    sa.Column("ledger_size", sa.BigInteger, nullable=False, comment="of its checkpoint"),
    sa.Column("previous", ID, comment="the pack of the same kind before it"),
    sa.Column("verdicts", sa.JSON, nullable=False, comment="clause: state"),
    sa.Column("made_at", Moment, nullable=False),
    sa.Index("ix_packs_kind_to_day", "kind", "to_day"),
    comment="Packs of evidence that were made.",
)

reviews = sa.Table(
    "reviews",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("from_day", sa.Date, nullable=False),
    sa.Column("to_day", sa.Date, nullable=False),
    sa.Column(
        "state",
        CODE,
        nullable=False,
        index=True,
        comment="drafted | commented | approved | approved-with-actions | rejected | withdrawn"
        " | published",
    ),
    sa.Column("draft", ID, nullable=False, comment="digest of what is to be approved"),
    sa.Column("draft_pack", ID, nullable=False, comment="SHA-256 of the draft pack, hex"),
    sa.Column("comments", sa.JSON, nullable=False, comment="clause: the officer's remark"),
    sa.Column("officer_note_id", ID, comment="sealed note: who commented"),
    sa.Column("board_note_id", ID, comment="sealed note: who approved"),
    sa.Column("names", sa.Integer, comment="how many approved"),
    sa.Column("meeting_day", sa.Date, comment="London day of the board's decision"),
    sa.Column("minute", sa.String(200), comment="reference of the board's minute"),
    sa.Column("started_at", Moment, nullable=False),
    sa.Column("commented_at", Moment),
    sa.Column("decided_at", Moment),
    sa.Column("pack", ID, comment="SHA-256 of the final pack, hex"),
    comment="Annual reviews of the notice.",
)

review_actions = sa.Table(
    "review_actions",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("review", ID, nullable=False, index=True),
    sa.Column("clause", CODE, nullable=False),
    sa.Column("action", _LINE, nullable=False, comment="what is to be done; no person in it"),
    sa.Column("owner", sa.String(200), nullable=False, comment="an office, not a person"),
    sa.Column("due_day", sa.Date, nullable=False, comment="London day"),
    sa.Column("state", CODE, nullable=False, comment="proposed | open | closed"),
    sa.Column("reference", sa.String(200), comment="closed: what shows that it was done"),
    sa.Column("opened_at", Moment, nullable=False),
    sa.Column("closed_at", Moment),
    comment="What reviews have decided should be done.",
)

material_facts = sa.Table(
    "material_facts",
    metadata,
    sa.Column("kind", CODE, primary_key=True),
    sa.Column("subject", sa.String(128), primary_key=True),
    sa.Column("value", sa.String(200), nullable=False, comment="a digest, version or code"),
    sa.Column("seen_at", Moment, nullable=False),
    comment="What a material change would change, as it was last seen.",
)

material_changes = sa.Table(
    "material_changes",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column(
        "kind",
        CODE,
        nullable=False,
        comment="notice | law | instruction | sub-processor | engine | region | assurance"
        " | dependency",
    ),
    sa.Column("subject", sa.String(128), nullable=False),
    sa.Column("before", sa.String(200), comment="null: new"),
    sa.Column("after", sa.String(200), comment="null: gone"),
    sa.Column("found_at", Moment, nullable=False),
    sa.Column("review", ID, index=True, comment="the review that has dealt with it"),
    sa.Column("dealt_at", Moment),
    comment="Changes that make a review of the notice necessary.",
)
