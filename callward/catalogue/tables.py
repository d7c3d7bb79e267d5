"""The catalogue's tables.

Ids are opaque hex strings; people appear as blind indexes only; whatever can
carry personal data is ciphertext (``payloads.sealed``) or a wrapped key.
Times are aware UTC; days are calendar days in Europe/London.
"""

import sqlalchemy as sa

from callward.catalogue.base import CODE, ID, Moment, metadata
from callward.catalogue.review_tables import (
    evidence_items,
    material_changes,
    material_facts,
    packs,
    review_actions,
    reviews,
)

__all__ = [
    "CODE",
    "ID",
    "Moment",
    "evidence_items",
    "material_changes",
    "material_facts",
    "metadata",
    "packs",
    "review_actions",
    "reviews",
]

instance = sa.Table(
    "instance",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("created_at", Moment, nullable=False),
)

controllers = sa.Table(
    "controllers",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    comment="A customer and, wrapped under the root, the HMAC key of its blind indexes.",
)

instructions = sa.Table(
    "instructions",
    metadata,
    sa.Column("controller", ID, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False, comment="SHA-256 of the file, hex"),
    sa.Column("effective_from", sa.Date, nullable=False, comment="London day"),
    sa.Column("approved_by", sa.String(200), nullable=False, comment="an office, not a person"),
    sa.Column("reference", sa.String(200), nullable=False),
    sa.Column("body", sa.JSON, nullable=False, comment="the validated instruction"),
    sa.Column("loaded_at", Moment, nullable=False),
)

sub_processors = sa.Table(
    "sub_processors",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("digest", ID, nullable=False, comment="SHA-256 of the file, hex"),
    sa.Column("status", CODE, nullable=False, comment="active | ended"),
    sa.Column("body", sa.JSON, nullable=False, comment="the validated entry"),
    sa.Column("loaded_at", Moment, nullable=False),
    comment="The register of sub-processors: each entry in every version, the newest counts.",
)

assurance_items = sa.Table(
    "assurance_items",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("digest", ID, nullable=False, comment="SHA-256 of the file, hex"),
    sa.Column("kind", CODE, nullable=False),
    sa.Column("body", sa.JSON, nullable=False, comment="the validated item"),
    sa.Column("loaded_at", Moment, nullable=False),
    comment="The register of assurance: each item in every version, the newest counts.",
)

vulnerability_reports = sa.Table(
    "vulnerability_reports",
    metadata,
    sa.Column("id", ID, primary_key=True, comment="SHA-256 of the file, hex"),
    sa.Column("format", CODE, nullable=False, comment="pip-audit | sarif"),
    sa.Column("made_at", Moment, nullable=False),
    sa.Column("imported_at", Moment, nullable=False),
    sa.Column("vulnerabilities", sa.Integer, nullable=False, comment="how many it names"),
    sa.Column("body", sa.JSON, nullable=False, comment="the report as it was reduced"),
    comment="Reports of vulnerable packages that other programs have made.",
)

drops = sa.Table(
    "drops",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("controller", ID, nullable=False, index=True),
    sa.Column("base", ID, nullable=False, index=True, comment="keyed: folder name and manifest"),
    sa.Column("state", CODE, nullable=False, comment="open | complete"),
    sa.Column("files", sa.Integer, nullable=False, comment="files and rows seen"),
    sa.Column("seen_at", Moment, nullable=False),
    sa.Column("completed_at", Moment),
)

drop_items = sa.Table(
    "drop_items",
    metadata,
    sa.Column("drop_id", ID, primary_key=True),
    sa.Column("item", ID, primary_key=True, comment="keyed digest of the file's name"),
    sa.Column("outcome", CODE, nullable=False, comment="ingested | duplicate | quarantined | part"),
    sa.Column("reason", CODE, comment="why it was quarantined"),
    sa.Column("content_digest", ID, comment="keyed; null where there was no content"),
    sa.Column("object_id", ID, comment="the sealed object, where there is one"),
    sa.Column("reached", sa.BigInteger, comment="byte of a file of records up to which it is in"),
)

interactions = sa.Table(
    "interactions",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("controller", ID, nullable=False, index=True),
    sa.Column("source", CODE, nullable=False, comment="which reader brought it"),
    sa.Column("kind", CODE, nullable=False),
    sa.Column("direction", CODE, nullable=False),
    sa.Column("started_at", Moment, nullable=False),
    sa.Column("ended_at", Moment, nullable=False),
    sa.Column("content_digest", ID, nullable=False, comment="keyed digest of its content"),
    sa.Column("revision", Moment, comment="how new this version is, by the supplier's word"),
    sa.Column("conversation", ID, index=True, comment="keyed: what belongs together"),
    sa.Column("about", ID, index=True, comment="a transcript's recording, as an interaction"),
)

versions = sa.Table(
    "versions",
    metadata,
    sa.Column("interaction_id", ID, primary_key=True),
    sa.Column("content_digest", ID, primary_key=True),
    sa.Column("revision", Moment),
    sa.Column("seen_at", Moment, nullable=False),
    comment="Versions of a record that a newer one has taken the place of.",
)

people = sa.Table(
    "people",
    metadata,
    sa.Column("interaction_id", ID, primary_key=True),
    sa.Column("role", CODE, primary_key=True, comment="caller | called | agent | sender | …"),
    sa.Column("blind", ID, primary_key=True, index=True, comment="HMAC of the E.164 number or id"),
)

objects = sa.Table(
    "objects",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("controller", ID, nullable=False),
    sa.Column("kind", CODE, nullable=False, comment="what was sealed"),
    sa.Column("retention_class", CODE, nullable=False, comment="see instructions.classes"),
    sa.Column("interaction_id", ID, index=True),
    sa.Column("parent_id", ID, index=True, comment="a transcript's recording"),
    sa.Column("state", CODE, nullable=False, comment="live | quarantined | marked | shredded"),
    sa.Column("anchor_day", sa.Date, nullable=False, comment="London day retention counts from"),
    sa.Column("due_day", sa.Date, comment="London day on which it must go; null: never"),
    sa.Column("size", sa.BigInteger, nullable=False, comment="bytes of plaintext"),
    sa.Column("place", CODE, nullable=False, comment="row | store"),
    sa.Column("store_key", sa.String(200), index=True, comment="path in the object store"),
    sa.Column("ciphertext_digest", ID, nullable=False, comment="SHA-256 of the ciphertext, hex"),
    sa.Column("facts", sa.JSON, comment="codec, rate, channels, seconds, peak, silence"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column(
        "early",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="its erasure was instructed: its due day no longer follows the period",
    ),
    sa.Column("sweep_id", ID, index=True),
    sa.Column("shredded_at", Moment),
    sa.Column("superseded_at", Moment, comment="when a newer version of its record came"),
    sa.Index("ix_objects_state_due_day", "state", "due_day", "controller"),
)

pages = sa.Table(
    "pages",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("controller", ID, nullable=False),
    sa.Column("retention_class", CODE, nullable=False),
    sa.Column("due_day", sa.Date),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
    sa.Column("filled", sa.Integer, nullable=False, comment="keys ever put on it, at most 256"),
    sa.Column(
        "turned_in", sa.Integer, index=True, comment="generation whose turn moved survivors here"
    ),
    sa.Index("ix_pages_place", "controller", "retention_class", "due_day", "filled"),
)

object_keys = sa.Table(
    "object_keys",
    metadata,
    sa.Column("object_id", ID, primary_key=True),
    sa.Column("page_id", ID, nullable=False, index=True),
    sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
)

payloads = sa.Table(
    "payloads",
    metadata,
    sa.Column("object_id", ID, primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="cobblestone ciphertext"),
)

generations = sa.Table(
    "generations",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("state", CODE, nullable=False, comment="making | current | retiring | retired"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("retired_at", Moment, comment="when the last cell had destroyed it"),
)

cell_answers = sa.Table(
    "cell_answers",
    metadata,
    sa.Column("generation", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("cell", ID, primary_key=True),
    sa.Column("answer", CODE, nullable=False, comment="held | destroyed | pending | refused"),
    sa.Column("until", Moment, comment="pending: when the cell will have destroyed it"),
    sa.Column("code", CODE, comment="refused: why"),
    sa.Column("at", Moment, nullable=False),
)

quarantine = sa.Table(
    "quarantine",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("controller", ID, nullable=False, index=True),
    sa.Column("drop_id", ID),
    sa.Column("reason", CODE, nullable=False),
    sa.Column("state", CODE, nullable=False, comment="held | released | rejected | shredded"),
    sa.Column("media_id", ID, comment="sealed media object, where there was a file"),
    sa.Column("row_id", ID, comment="sealed manifest row, where there was one"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("decided_at", Moment),
)

transcriptions = sa.Table(
    "transcriptions",
    metadata,
    sa.Column("recording_id", ID, primary_key=True),
    sa.Column("controller", ID, nullable=False, index=True),
    sa.Column("state", CODE, nullable=False, comment="done | refused | failed | quarantined"),
    sa.Column("code", CODE, comment="why refused, failed or quarantined"),
    sa.Column("transcript_id", ID),
    sa.Column("engine", CODE),
    sa.Column("wanted", CODE, comment="engine, by its name in the settings, to do it again"),
    sa.Column("seconds", sa.Float, comment="of audio"),
    sa.Column("words", sa.Integer),
    sa.Column("at", Moment, nullable=False),
)

card_scans = sa.Table(
    "card_scans",
    metadata,
    sa.Column("object_id", ID, primary_key=True),
    sa.Column("controller", ID, nullable=False, index=True),
    sa.Column(
        "state", CODE, nullable=False, comment="clean | found | muted | failed | unscannable"
    ),
    sa.Column("code", CODE, comment="why it failed"),
    sa.Column("engine", CODE, comment="who listened"),
    sa.Column("spans", sa.JSON, comment="found: [start, end] in seconds, still to be muted"),
    sa.Column("muted", sa.Integer, comment="spans muted"),
    sa.Column("muted_seconds", sa.Float),
    sa.Column("seconds", sa.Float, comment="of audio listened to"),
    sa.Column("replaced_by", ID, index=True, comment="the muted version"),
    sa.Column("at", Moment, nullable=False),
    comment="Recordings listened to for card numbers.",
)

disclosures = sa.Table(
    "disclosures",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("night", ID, nullable=False),
    sa.Column("controller", ID, nullable=False, index=True),
    sa.Column("sub_processor", ID, nullable=False, index=True),
    sa.Column("country", CODE, nullable=False, comment="where it processes, ISO 3166-1 alpha-2"),
    sa.Column("engine", CODE, nullable=False),
    sa.Column("instruction", ID, nullable=False, comment="digest of the one in force"),
    sa.Column("state", CODE, nullable=False, comment="announced | ended"),
    sa.Column("recordings", sa.Integer, nullable=False, comment="that may go, or that went"),
    sa.Column("seconds", sa.Float, nullable=False, comment="of audio, every channel counted"),
    sa.Column("begun_at", Moment, nullable=False),
    sa.Column("ended_at", Moment),
    comment="Recordings disclosed to sub-processors, batch by batch.",
)

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", ID, primary_key=True, comment="keyed: what is claimed"),
    sa.Column("holder", ID, nullable=False, index=True),
    sa.Column("until", Moment, nullable=False),
    comment="Drops that a worker has claimed.",
)

shards = sa.Table(
    "shards",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("night", ID, nullable=False, index=True),
    sa.Column("parent", ID, nullable=False, comment="who planned it and waits for it"),
    sa.Column("place", sa.Integer, nullable=False, comment="in the order of handing out"),
    sa.Column("controller", ID, nullable=False),
    sa.Column("engine", CODE, nullable=False),
    sa.Column(
        "state",
        CODE,
        nullable=False,
        index=True,
        comment="planned | taken | done | failed | abandoned",
    ),
    sa.Column("code", CODE, comment="why it failed or was abandoned"),
    sa.Column("holder", ID, comment="who took it last; the lease says whether it still counts"),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("handed_out", sa.Integer, nullable=False, comment="how often"),
    sa.Column("recordings", sa.Integer, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False, comment="of audio, every channel counted"),
    sa.Column("body", sa.JSON, nullable=False, comment="the run, and recordings until it ends"),
    sa.Column("counts", sa.JSON, nullable=False),
    sa.Column("failures", sa.JSON, nullable=False, comment="ids and codes"),
    sa.Column("planned_at", Moment, nullable=False),
    sa.Column("handed_out_at", Moment),
    sa.Column("taken_at", Moment),
    sa.Column("ended_at", Moment),
    comment="Parts of a night's transcription that any worker may do.",
)

holds = sa.Table(
    "holds",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column(
        "basis", CODE, nullable=False, server_default="hold", comment="hold | restriction (Art 18)"
    ),
    sa.Column("controller", ID, nullable=False, index=True),
    sa.Column("scope", CODE, nullable=False, comment="controller | interaction | person"),
    sa.Column("target", ID, comment="interaction id or blind index; null: whole controller"),
    sa.Column("reason_id", ID, nullable=False, comment="sealed note: why, and who asked"),
    sa.Column("review_day", sa.Date, nullable=False),
    sa.Column("placed_at", Moment, nullable=False),
    sa.Column("lifted_at", Moment),
)

erasures = sa.Table(
    "erasures",
    metadata,
    sa.Column("object_id", ID, primary_key=True),
    sa.Column("controller", ID, nullable=False, index=True),
    sa.Column("reason_id", ID, nullable=False, comment="sealed note: why, and who instructed it"),
    sa.Column("asked_at", Moment, nullable=False),
    comment="Erasures instructed before the due day.",
)

approvals = sa.Table(
    "approvals",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("plan_hash", ID, nullable=False, index=True),
    sa.Column("as_of", sa.Date, nullable=False),
    sa.Column("controller", ID, comment="the run's scope; null: everybody"),
    sa.Column("reasons", sa.JSON, nullable=False, comment="the brake's codes"),
    sa.Column("plan", sa.JSON, nullable=False, comment="controller, kind, count"),
    sa.Column(
        "state", CODE, nullable=False, comment="waiting | approved | rejected | expired | used"
    ),
    sa.Column("asked_at", Moment, nullable=False),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Column("decided_at", Moment),
    sa.Column("note_id", ID, comment="sealed note: who decided, and why"),
)

sweeps = sa.Table(
    "sweeps",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column(
        "kind", CODE, nullable=False, server_default="retention", comment="retention | erasure"
    ),
    sa.Column("as_of", sa.Date, nullable=False),
    sa.Column("plan_hash", ID, nullable=False),
    sa.Column("intent_leaf", sa.BigInteger, comment="position of its INTENT in the ledger"),
    sa.Column("approved", sa.Boolean, nullable=False),
    sa.Column("state", CODE, nullable=False, comment="marked | turned | checked | complete"),
    sa.Column("generation_before", sa.Integer),
    sa.Column("generation_after", sa.Integer),
    sa.Column("facts", sa.JSON, comment="what the checks and scans after it found, in counts"),
    sa.Column("started_at", Moment, nullable=False),
    sa.Column("completed_at", Moment),
)

certificates = sa.Table(
    "certificates",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("sweep_id", ID, nullable=False, index=True),
    sa.Column("controller", ID, nullable=False, index=True),
    sa.Column("objects", sa.Integer, nullable=False),
    sa.Column("body", sa.Text, nullable=False, comment="the signed JSON document"),
    sa.Column("issued_at", Moment, nullable=False),
)

drills = sa.Table(
    "drills",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("outcome", CODE, nullable=False, comment="passed | failed"),
    sa.Column("body", sa.JSON, nullable=False, comment="what was restored and tried, in counts"),
    sa.Column("at", Moment, nullable=False),
)

backups = sa.Table(
    "backups",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("ledger_size", sa.BigInteger, nullable=False),
    sa.Column("at", Moment, nullable=False),
)

scans = sa.Table(
    "scans",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("scope", CODE, nullable=False, comment="sweep | whole"),
    sa.Column("sweep_id", ID),
    sa.Column("outcome", CODE, nullable=False, comment="clean | found"),
    sa.Column("counts", sa.JSON, nullable=False, comment="store: finding: how many"),
    sa.Column("at", Moment, nullable=False),
)

intents = sa.Table(
    "intents",
    metadata,
    sa.Column("id", ID, primary_key=True, comment="prefix in the object store"),
    sa.Column("kind", CODE, nullable=False, comment="seal"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("holder", ID, comment="who writes there"),
)

openings = sa.Table(
    "openings",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("object_id", ID, nullable=False, index=True),
    sa.Column("reason_id", ID, nullable=False, comment="sealed note: why"),
    sa.Column("at", Moment, nullable=False),
)

gate_results = sa.Table(
    "gate_results",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("night", ID, nullable=False, index=True),
    sa.Column("suite", CODE, nullable=False),
    sa.Column("outcome", CODE, nullable=False, comment="passed | rows-failed | empty | failed"),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("failed_rows", sa.Integer, nullable=False),
    sa.Column("body", sa.JSON, nullable=False, comment="per expectation: counts, no samples"),
    sa.Column("at", Moment, nullable=False),
)

marks = sa.Table(
    "marks",
    metadata,
    sa.Column("name", CODE, primary_key=True),
    sa.Column("moment", Moment, nullable=False),
    sa.Column("text", sa.String(200)),
)

stage_counts = sa.Table(
    "stage_counts",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("night", ID, nullable=False, index=True),
    sa.Column("stage", CODE, nullable=False),
    sa.Column("controller", ID, nullable=False),
    sa.Column("counts", sa.JSON, nullable=False),
    sa.Column("at", Moment, nullable=False, index=True),
)

flow_runs = sa.Table(
    "flow_runs",
    metadata,
    sa.Column("id", ID, primary_key=True, comment="the orchestrator's"),
    sa.Column("flow", CODE, nullable=False),
    sa.Column("night", ID, index=True),
    sa.Column("parent", ID, index=True, comment="the run it is a part of"),
    sa.Column("state_type", CODE),
    sa.Column("begun", Moment, index=True, comment="when it started or was to"),
    sa.Column("body", sa.JSON, nullable=False, comment="the reduced record"),
    sa.Column("digest", ID, nullable=False, comment="SHA-256 of its canonical JSON, hex"),
    sa.Column("seen_at", Moment, nullable=False, comment="when it was last read"),
    sa.Column("changed_at", Moment, nullable=False, comment="when this digest was entered"),
    sa.Column("missing_since", Moment, comment="when the orchestrator had it no more"),
    comment="Runs of flows, kept when the orchestrator forgets them.",
)

ledger_head = sa.Table(
    "ledger_head",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, comment="always 1: the row that is locked"),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("frontier", sa.JSON, nullable=False, comment="hex subtree roots, left to right"),
)

ledger_leaves = sa.Table(
    "ledger_leaves",
    metadata,
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("event", CODE, nullable=False, index=True),
    sa.Column("body", sa.Text, nullable=False, comment="RFC 8785 canonical JSON"),
    sa.Column("at", Moment, nullable=False),
)

ledger_items = sa.Table(
    "ledger_items",
    metadata,
    sa.Column("leaf", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("subject", ID, nullable=False, index=True, comment="id the item is about"),
    sa.Column("body", sa.Text, nullable=False, comment="RFC 8785 canonical JSON"),
)

ledger_checkpoints = sa.Table(
    "ledger_checkpoints",
    metadata,
    sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("note", sa.Text, nullable=False, comment="C2SP signed note"),
    sa.Column("at", Moment, nullable=False),
)

ledger_nodes = sa.Table(
    "ledger_nodes",
    metadata,
    sa.Column("height", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    comment="Roots of whole subtrees of 256, 65536, … leaves: a proof reads few leaves.",
)

ledger_keys = sa.Table(
    "ledger_keys",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("verifier", sa.Text, nullable=False, comment="C2SP verifier key"),
    sa.Column("since_size", sa.BigInteger, nullable=False, comment="signs heads from this size on"),
    sa.Column("at", Moment, nullable=False),
)

ledger_cosignatures = sa.Table(
    "ledger_cosignatures",
    metadata,
    sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("witness", sa.Text, primary_key=True, comment="its verifier key"),
    sa.Column("line", sa.Text, nullable=False, comment="C2SP cosignature line"),
    sa.Column("at", Moment, nullable=False),
)

ledger_timestamps = sa.Table(
    "ledger_timestamps",
    metadata,
    sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("token", sa.LargeBinary, nullable=False, comment="RFC 3161 time-stamp response"),
    sa.Column("at", Moment, nullable=False, comment="the authority's time"),
)
