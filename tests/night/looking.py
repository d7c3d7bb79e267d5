"""What an instance holds after a night, as plain values that two instances can be compared by.

Ids drawn at random (transcripts, sweeps) are replaced by what they are of;
times and ciphertext digests, which differ from night to night, are left out.
Ids made under an instance's keys stay: compare copies of one instance.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.evidence.certificate import verify_certificate
from callward.evidence.packbook import COLLECTED_EVENT
from callward.evidence.verify import verify_pack
from callward.flowruns.model import RECORDED
from callward.instance import Instance
from callward.ledger import log
from callward.vault import journal

# How often something was tried, not what became of it: a night cut short tries again.
_TRIALS = frozenset(
    {
        COLLECTED_EVENT,
        "evidence-packed",
        "gate",
        "residual-scan",
        "root-destroyed",
        "root-turned",
    }
)
NO_NAMES: Mapping[str, str] = MappingProxyType({})


def look(instance: Instance) -> dict[str, Any]:
    """Everything, verified on the way: ledger, certificates, packs, every object that is left."""
    with instance.unit() as connection:
        log.verify(connection, [instance.signer.verifier])
        names = _names(connection)
        return {
            "drops": _rows(connection, t.drops, "id", "controller", "state", "files"),
            "items": _rows(connection, t.drop_items, *t.drop_items.c.keys()),
            "interactions": _rows(connection, t.interactions, *t.interactions.c.keys()),
            "people": _rows(connection, t.people, *t.people.c.keys()),
            "objects": _objects(connection, instance, names),
            "quarantine": _quarantine(connection, names),
            "transcriptions": _rows(
                connection,
                t.transcriptions,
                *("recording_id", "controller", "state", "code", "engine", "seconds", "words"),
                names=names,
            ),
            "card_scans": _rows(
                connection,
                t.card_scans,
                *("object_id", "state", "code", "muted", "seconds", "replaced_by"),
                names=names,
            ),
            "holds": _rows(connection, t.holds, "id", "scope", "target"),
            "instructions": _rows(connection, t.instructions, "controller", "version", "digest"),
            "intents": _rows(connection, t.intents, "id"),
            "pages": _pages(connection),
            "sweeps": _rows(connection, t.sweeps, "as_of", "state", "plan_hash"),
            "certificates": _certificates(connection, instance),
            "gates": _rows(connection, t.gate_results, "suite", "outcome", "rows", "body"),
            "counts": _counts(connection),
            "ledger": _ledger(connection, names),
            "store": _store(connection, instance),
            "landing": _below(instance.settings.landing),
            "packs": _packs(instance),
            "turns": _turns(connection, instance),
        }


def settled(found: dict[str, Any]) -> dict[str, Any]:
    """What must be the same however often a night was cut short and begun again."""
    subjects: Counter[str] = Counter()
    for leaf in found["ledger"]:
        if leaf["event"] in _TRIALS:
            continue
        for subject in leaf["subjects"] or [json.dumps(leaf["ids"])]:
            subjects[f"{leaf['event']} {subject}"] += 1
        for name, count in leaf["counts"].items():
            subjects[f"{leaf['event']} counts {name}"] += count
    kept = {name: value for name, value in found.items() if name not in {"gates", "ledger"}}
    packs_verify = bool(found["packs"]) and all(found["packs"].values())
    # A batch cut in two makes two pages or two leaves, and that is all right.
    return {**kept, "pages": None, "ledger": dict(sorted(subjects.items())), "packs": packs_verify}


def _rows(
    connection: sa.Connection, table: sa.Table, *columns: str, names: Mapping[str, str] = NO_NAMES
) -> list[str]:
    query = sa.select(*(table.c[name] for name in columns))
    return sorted(
        repr(tuple(names.get(cell, cell) if isinstance(cell, str) else cell for cell in row))
        for row in connection.execute(query)
    )


def _names(connection: sa.Connection) -> dict[str, str]:
    """Lasting names for ids drawn at random."""
    objects, items = t.objects.c, t.drop_items.c
    delivered = sa.select(items.object_id).where(items.object_id.is_not(None))
    muted = sa.select(objects.id, objects.interaction_id).where(
        objects.kind == "recording", objects.id.not_in(delivered)
    )
    names = {row.id: f"muted {row.interaction_id}" for row in connection.execute(muted)}
    reasons = sa.select(objects.id, objects.controller).where(objects.kind == "erasure-reason")
    names |= {row.id: f"reason of {row.controller}" for row in connection.execute(reasons)}
    parents = sa.select(objects.id, objects.parent_id).where(objects.parent_id.is_not(None))
    names |= {
        row.id: f"transcript of {names.get(row.parent_id, row.parent_id)}"
        for row in connection.execute(parents)
    }
    certificates = sa.select(t.certificates.c.id, t.certificates.c.controller)
    names |= {
        row.id: f"certificate of {row.controller}" for row in connection.execute(certificates)
    }
    sweeps = sa.select(t.sweeps.c.id, t.sweeps.c.as_of)
    names |= {row.id: f"sweep of {row.as_of}" for row in connection.execute(sweeps)}
    counts = t.stage_counts.c.night
    nights = connection.scalars(sa.select(counts).order_by(t.stage_counts.c.id))
    return names | {night: f"night {n}" for n, night in enumerate(dict.fromkeys(nights))}


def _objects(
    connection: sa.Connection, instance: Instance, names: dict[str, str]
) -> dict[str, list[Any]]:
    keyed = set(connection.scalars(sa.select(t.object_keys.c.object_id)))
    filled = set(connection.scalars(sa.select(t.payloads.c.object_id)))
    found = {}
    for row in connection.execute(sa.select(t.objects).order_by(t.objects.c.id)).all():
        content = "gone"
        if row.state != "shredded":
            plaintext = b"".join(instance.vault.open(connection, row.id))
            content = hashlib.sha256(plaintext).hexdigest()
        assert (row.id in keyed) == (row.state != "shredded"), f"key of {row.id}"
        assert (row.id in filled) == (row.state != "shredded" and row.place == "row")
        name = names.get(row.id, row.id)
        assert name not in found, f"{name} is there twice"
        found[name] = [
            *(row.controller, row.kind, row.retention_class, row.interaction_id, row.state),
            *(str(row.anchor_day), str(row.due_day), row.size, row.place, row.facts, content),
        ]
    return found


def _quarantine(connection: sa.Connection, names: dict[str, str]) -> list[list[Any]]:
    rows = connection.execute(sa.select(t.quarantine)).all()
    return sorted(
        [row.controller, row.reason, row.state, names.get(row.media_id, str(row.media_id))]
        for row in rows
    )


def _pages(connection: sa.Connection) -> dict[str, int]:
    """Keys per place; every key has a page and every page a key."""
    page, key = t.pages.c, t.object_keys.c
    assert set(connection.scalars(sa.select(key.page_id))) == set(
        connection.scalars(sa.select(page.id))
    )
    keys: Counter[str] = Counter()
    query = sa.select(page.controller, page.retention_class, page.due_day)
    for row in connection.execute(query.join(t.object_keys, key.page_id == page.id)):
        keys[" ".join(map(str, row))] += 1
    return dict(sorted(keys.items()))


def _certificates(connection: sa.Connection, instance: Instance) -> dict[str, list[str]]:
    """Per controller the objects certified as gone; in the catalogue and as files alike."""
    folder = instance.settings.evidence / "certificates"
    files = {path.stem: path.read_text() for path in folder.glob("*.json")}
    found: dict[str, list[str]] = defaultdict(list)
    for row in connection.execute(sa.select(t.certificates)):
        assert files.pop(row.id) == row.body
        body = verify_certificate(row.body, instance.signer.verifier)
        assert body.is_certificate
        found[row.controller] += body.objects.values()
    assert not files
    query = sa.select(t.objects.c.controller, t.objects.c.ciphertext_digest).where(
        t.objects.c.state == "shredded"
    )
    gone = sorted(tuple(row) for row in connection.execute(query))
    assert gone == sorted((one, digest) for one in found for digest in found[one])
    return {controller: [str(len(digests))] for controller, digests in found.items()}


def _counts(connection: sa.Connection) -> dict[str, dict[str, int]]:
    """What every stage but the packing of evidence said it did, all nights together."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in connection.execute(sa.select(t.stage_counts)):
        if row.stage != "evidence":
            found[f"{row.stage} {row.controller}"].update(row.counts)
    return {name: dict(sorted(counts.items())) for name, counts in sorted(found.items())}


def _ledger(connection: sa.Connection, names: dict[str, str]) -> list[dict[str, Any]]:
    subjects: dict[int, list[str]] = defaultdict(list)
    kinds: dict[int, list[str]] = defaultdict(list)
    for row in connection.execute(sa.select(t.ledger_items)):
        subjects[row.leaf].append(names.get(row.subject, row.subject))
        kinds[row.leaf].append(str(json.loads(row.body).get("kind")))
    found = []
    for row in connection.execute(sa.select(t.ledger_leaves).order_by("position")).all():
        if row.event == RECORDED:  # there are flow runs only where Prefect has run
            continue
        body = json.loads(row.body)
        ids = {name: names.get(value, value) for name, value in body["ids"].items()}
        ids.pop("night", None)
        if row.event == "evidence-packed":  # a pack holds times, and the flow runs if there are any
            assert len(ids.pop("sha256")) == 64
        counts = {name: n for name, n in body["counts"].items() if "flow_runs:" not in name}
        if body["event"] == "residual-scan":  # there is more to look at where Prefect has run
            assert ids.pop("scan")
            counts = {name: n for name, n in counts.items() if not name.endswith("/looked-at")}
        found.append(
            {
                "event": row.event,
                # A piece of evidence is called after what it holds, moments among it.
                "subjects": sorted(
                    (kinds if row.event == COLLECTED_EVENT else subjects)[row.position]
                ),
                "counts": counts,
                "ids": ids,
            }
        )
    return found


def _store(connection: sa.Connection, instance: Instance) -> int:
    """How many ciphertexts lie in the store: those catalogued and no others."""
    wanted = connection.scalars(
        sa.select(t.objects.c.store_key).where(
            t.objects.c.store_key.is_not(None), t.objects.c.state != "shredded"
        )
    ).all()
    assert sorted(wanted) == sorted(instance.vault.store.list())
    return len(wanted)


def _below(folder: Path) -> list[str]:
    """The files under the controllers' landing folders; an emptied folder may stay."""
    below = (path for path in folder.glob("*/**/*") if not path.is_dir())
    return sorted(str(path.relative_to(folder)) for path in below)


def _turns(connection: sa.Connection, instance: Instance) -> int:
    """How often the root has turned. One root is alive, and the newest journal is of it."""
    states = Counter(connection.scalars(sa.select(t.generations.c.state)))
    assert states.pop("current") == 1
    assert set(states) <= {"retired"}
    current = instance.vault.generation(connection)
    assert [cell.generations() for cell in instance.vault.cells] == [{current}]
    events = sa.select(sa.func.count()).where(t.ledger_leaves.c.event == "root-turned")
    turns = int(connection.scalar(events) or 0)
    journals = journal.generations(instance.settings.journal)
    assert len(journals) == turns
    assert not turns or journals[-1] == current
    return turns


def _packs(instance: Instance) -> dict[str, bool]:
    key = instance.signer.verifier
    return {
        path.name: verify_pack(path, expected_key=key).passed
        for path in instance.settings.evidence.glob("*.zip")
    }
