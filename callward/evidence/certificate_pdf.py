"""A certificate on one page of paper: the signed file says the same, and more, and counts.

The page is set by typst from a template and fonts inside its wheel; nothing is read
from elsewhere. The same certificate gives the same bytes.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from callward.evidence.certificate import Statement
from callward.evidence.predicate import BY_WORD, LOOKED
from callward.ledger.notes import note_text, parse_checkpoint

if TYPE_CHECKING:
    import typst

_TEMPLATE: Final = files("callward.evidence") / "templates" / "certificate.typ"
_SHOWN: Final = 6
"""Rows of a table; what is beyond is summed up, as there is one page."""
_NAMED: Final = 12
_SIZES: Final = (10.0, 9.4, 8.8, 8.2, 7.6)
"""Sizes of type in points: the largest that leaves one page is taken."""


def render_pdf(statement: Statement, text: str, key: str) -> bytes:
    """Set the page (PDF/A-2b) of a verified statement.

    ``text`` is the signed file, whose digest the page names, and ``key`` the verifier
    key that signed it.
    """
    issued = datetime.fromisoformat(statement.predicate["issued_at"])
    (page,) = _compile(
        _inputs(statement, text, key),
        format="pdf",
        pdf_standards=["a-2b"],
        timestamp=int(issued.timestamp()),
    )
    return page


def render_png(statement: Statement, text: str, key: str) -> list[bytes]:
    """Set the same as pictures, one a page, for looking at."""
    return _compile(_inputs(statement, text, key), format="png", ppi=110)


def _inputs(statement: Statement, text: str, key: str) -> dict[str, str]:
    """What the template is given, in a size of type with which it takes one page."""
    said = json.dumps(page_text(statement, hashlib.sha256(text.encode()).hexdigest(), key))
    inputs = {"said": said}
    for size in _SIZES:
        inputs["size"] = str(size)
        if len(_compile(inputs, format="png", ppi=8)) == 1:
            break
    return inputs


def _compile(inputs: dict[str, str], **options: Any) -> list[bytes]:
    made = _compiler().compile(_TEMPLATE.read_bytes(), sys_inputs=inputs, **options)
    return made if isinstance(made, list) else [made or b""]


@lru_cache(maxsize=1)
def _compiler() -> "typst.Compiler":
    """The typesetter with the fonts of its wheel, read once."""
    import typst  # noqa: PLC0415 - heavy, and needed where a page is set only

    return typst.Compiler(ignore_system_fonts=True)


def page_text(statement: Statement, digest: str, key: str) -> Mapping[str, Any]:
    """Everything the page says, ready to set; ``digest`` is the signed file's SHA-256, hex."""
    said = statement.predicate
    title = "Certificate of destruction" if statement.is_certificate else "Statement on destruction"
    return {
        "certifies": statement.is_certificate,
        "title": title,
        "id": statement.id,
        "instance": said["instance"],
        "keywords": [statement.state, statement.controller, said["sweep"]["id"]],
        "footer": f"{said['instance']} · {said['software']} · what counts is the signed file",
        "sentence": _sentence(statement),
        "about": "What was destroyed" if statement.is_certificate else "What it is about",
        "facts": _facts(said),
        "classes": _classes(said["objects"]["due_days"]),
        "kinds": "By kind: " + _listing(said["objects"]["kinds"]) + ".",
        "cells": _cells(said["generations"]["cells"]),
        "roots": _roots(said["generations"]),
        "checks": _checks(said),
        "ledger": _ledger(said["ledger"]),
        "limits": said["limits"],
        "how": (
            "Have the signed file, and the verifier key from elsewhere than from whoever gave you "
            "the file. Then, on any machine with Python, this software and no network: "
        ),
        "command": "python -P -m callward.evidence FILE --key KEY",
        "proof": [
            ("Signed file", f"{statement.id}.json, SHA-256:"),
            ("", digest, "code"),
            ("Signed with", key, "code"),
        ],
    }


def _sentence(statement: Statement) -> str:
    said = statement.predicate
    total, until = _count(said["objects"]["total"], "sealed object"), said["pending_until"]
    what = f"{total} of {statement.controller}, due by {_day(said['sweep']['as_of'])}"
    if statement.is_certificate:
        return (
            f"It is certified that {what}, were destroyed: every key that could open them was "
            "destroyed in every place that held it, and a search of every store afterwards found "
            "nothing of them. Whatever backups still hold is ciphertext, under root keys that "
            "exist no longer."
        )
    if statement.state == "pending":
        return (
            f"This is not a certificate. The keys of {what}, were destroyed, but a key cell keeps "
            f"the root key above them, unusable, until {_moment(until)}. A certificate can be "
            "issued after that."
        )
    reasons = {
        "partial": f"The destruction of {what}, is not complete: {_hindrance(said)}.",
        "blocked-by-hold": "What is due is on legal hold or restricted, and was not destroyed.",
        "nothing-due": "Nothing was due.",
    }
    return f"This is not a certificate. {reasons[statement.state]}"


def _hindrance(said: Mapping[str, Any]) -> str:
    refused = [one["cell"] for one in said["generations"]["cells"] if one["answer"] == "refused"]
    if refused:
        return f"a key cell has not destroyed its root ({', '.join(sorted(set(refused)))})"
    return "something was left when it was looked for, or a check was not finished"


def _facts(said: Mapping[str, Any]) -> list[Sequence[str]]:
    sweep = said["sweep"]
    kind = {"retention": "end of retention", "erasure": "erasure instructed before the due day"}
    approved = "approved by a person" if sweep["approved"] else "within the limits set beforehand"
    rows: list[Sequence[str]] = [
        ("Controller", said["controller"]),
        ("Why", f"{kind[sweep['kind']]}; the plan was {approved}"),
        ("Started", f"{_moment(sweep['started_at'])}; issued {_moment(said['issued_at'])}"),
        ("Sweep", f"{sweep['id']}, plan {sweep['plan_sha256'][:16]}…", "code"),
    ]
    for one in said["instructions"]:
        periods = ", ".join(f"{name} {period}" for name, period in sorted(one["retention"].items()))
        rows.append(
            ("Instruction", f"version {one['version']} of {_day(one['effective_from'])}: {periods}")
        )
    if not said["instructions"]:
        rows.append(("Instruction", "none was ever received from this controller"))
    return rows


def _classes(due_days: Mapping[str, Mapping[str, int]]) -> list[list[str]]:
    rows = []
    for name, days in sorted(due_days.items()):
        first, last = _day(min(days)), _day(max(days))
        span = first if first == last else f"{first} to {last}"
        rows.append([name, span, f"{sum(days.values()):,}"])
    return _shortened(rows, ["…", "further classes", ""])


def _cells(cells: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    rows = [
        [
            one["cell"],
            str(one["generation"]),
            _answer(one),
            _short(one["at"]),
        ]
        for one in cells
    ]
    return _shortened(rows, [f"and {len(rows) - _SHOWN} more", "", "in the file", ""])


def _answer(one: Mapping[str, Any]) -> str:
    if one["until"]:
        return f"pending until {_short(one['until'])}"
    return f"{one['answer']} (by word)" if one["code"] == BY_WORD else str(one["answer"])


def _shortened(rows: list[list[str]], more: list[str]) -> list[list[str]]:
    return rows if len(rows) <= _SHOWN else [*rows[:_SHOWN], more]


def _roots(generations: Mapping[str, Any]) -> str:
    before, after = generations["before"], generations["after"]
    if before is None or after is None:
        return "The root key was not turned."
    return (
        f"Root key {before} gave way to root key {after}, which never wrapped any of these "
        "objects; backups from before are sealed under roots that no longer exist."
        if not generations["unsettled"]
        else f"Root key {before} gave way to root key {after}; older ones are not all destroyed."
    )


def _checks(said: Mapping[str, Any]) -> list[Sequence[str]]:
    holds, backups, drill, checks = said["holds"], said["backups"], said["drill"], said["checks"]
    gate = holds["gate"]
    asked = f" Gate: {gate['outcome']}, {gate['rows']:,} rows." if gate else ""
    rows: list[Sequence[str]] = [
        (
            "Legal holds",
            (
                f"{holds['selection'].capitalize()}; {holds['again']}. On hold and kept: "
                f"{holds['held']:,}; spared at the last moment: {holds['spared']:,}.{asked}"
            ),
        ),
        (
            "Keys tried",
            (
                f"{checks.get('survivors_opened', 0):,} survivors opened; of "
                f"{checks.get('old_wraps_tried', 0):,} old wrapped keys "
                f"{checks.get('old_wraps_opened', 0):,} opened."
            ),
        ),
        ("Stores searched", _stores(said["residual"])),
    ]
    oldest = backups["oldest"]
    known = f"{_count(backups['known'], 'backup')} known"
    if oldest:
        known += f", the oldest of {_moment(oldest['at'])} under root {oldest['generation']}"
    rows.append(("Backups", f"{known}; able to open any of it: {backups['able']:,}."))
    held = "none held yet" if drill is None else f"{drill['outcome']}, {_moment(drill['at'])}"
    rows.append(("Restore drill", held))
    return rows


def _stores(residual: Mapping[str, Any]) -> str:
    stores = residual["stores"]
    if not stores:
        return "none yet"
    looked = sum(each.get(LOOKED, 0) for each in stores.values())
    found = sum(n for each in stores.values() for name, n in each.items() if name != LOOKED)
    names = ", ".join([*sorted(stores)[:_NAMED], *["…"][: len(stores) > _NAMED]])
    figures = f"{looked:,} things looked at; " if looked else ""
    return f"{names}: {figures}found of these objects: {found:,}."


def _ledger(ledger: Mapping[str, Any]) -> list[Sequence[str]]:
    head = parse_checkpoint(note_text(ledger["checkpoint"]))
    places = [
        f"{name} in leaf {part['position']:,}"
        for name, part in (
            ("intent", ledger["intent"]),
            ("keys destroyed", ledger["keys_destroyed"]),
        )
        if part
    ]
    if ledger["complete"] is not None:
        places.append(f"this certificate's digest in leaf {ledger['complete']:,}")
    alone = "exactly these objects" if ledger["exactly"] else "objects of others as well"
    return [
        ("Leaves", f"{', '.join(places)}; the leaf of the keys lists {alone}"),
        ("Head", f"{head.size:,} leaves, root {head.root.hex()}", "code"),
    ]


def _listing(counts: Mapping[str, int]) -> str:
    shown = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    text = ", ".join(f"{name} {count:,}" for name, count in shown[:_SHOWN])
    rest = sum(count for _, count in shown[_SHOWN:])
    return (f"{text}, others {rest:,}" if rest else text) or "none"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _day(text: str) -> str:
    day = date.fromisoformat(text)
    return f"{day.day} {day:%B %Y}"


def _short(text: str) -> str:
    moment = datetime.fromisoformat(text).astimezone(UTC)
    return f"{moment.day} {moment:%b %Y, %H:%M}"


def _moment(text: str) -> str:
    moment = datetime.fromisoformat(text).astimezone(UTC)
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"
