"""Ways to make a false pack of a true one, each with the check that must fail."""

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callward.evidence.container import Part, zip_chunks
from callward.ledger.signing import Signer
from tests.evidence.altering import inside, rebagged, resigned

Files = dict[str, bytes]
STATEMENT, TAGS, MANIFEST = "statement.dsse.json", "tagmanifest-sha512.txt", "manifest-sha512.txt"


@dataclass(frozen=True)
class Case:
    """A false pack: which kind of falsehood, its bytes, the check that fails, what it names."""

    kind: str
    content: bytes
    fails: str
    says: str = ""


class Forger:
    """Makes false packs of the one at ``path``, with another one at hand that is older."""

    def __init__(self, path: Path, older: Path, signer: Signer, thief: Signer, seed: int) -> None:
        self.chance = random.Random(seed)
        self.whole = path.read_bytes()
        self.older_whole = older.read_bytes()
        self.base, self.files = inside(path)
        self.older_base, self.older_files = inside(older)
        self.signer, self.thief = signer, thief

    def cases(self, count: int) -> Iterator[Case]:
        """So many, of every kind in turn."""
        kinds: list[Callable[[], Case]] = [
            self.bit,
            self.cut,
            self.altered,
            self.removed,
            self.added,
            self.renamed,
            self.swapped,
            self.rehashed,
            self.stolen,
            self.passed_off,
            self.untrue,
        ]
        for number in range(count):
            yield kinds[number % len(kinds)]()

    def bit(self) -> Case:
        """One bit of the archive."""
        return Case("bit", _flip(self.whole, self.chance), "archive")

    def cut(self) -> Case:
        """Cut off, cut out, put in, written over or appended."""
        whole, chance = self.whole, self.chance
        at, length = chance.randrange(len(whole)), chance.randrange(1, 200)
        noise = chance.randbytes(length)
        content = chance.choice(
            [
                whole[:at],
                whole[:at] + whole[at + length :],
                whole[:at] + noise + whole[at:],
                whole + noise,
                noise + whole,
            ]
        )
        return Case("cut", content, "archive")

    def altered(self) -> Case:
        """One bit of one file, in an archive that is well made."""
        name = self._any()
        files = {**self.files, name: _flip(self.files[name], self.chance)}
        if name == STATEMENT:
            return self._case("altered", files, "signature")
        return self._case("altered", files, "bag", "" if name in {TAGS, MANIFEST} else name)

    def removed(self) -> Case:
        """A file less."""
        name = self._any()
        files = {one: content for one, content in self.files.items() if one != name}
        return self._case("removed", files, "bag", name)

    def added(self) -> Case:
        """A file more."""
        folder = self.chance.choice(["", "data/", "data/evidence/", "data/certificates/", "keys/"])
        name = f"{folder}{self.chance.choice(['fetch', 'more', '0009', 'x'])}.txt"
        return self._case("added", {**self.files, name: b"more\n"}, "bag", name)

    def renamed(self) -> Case:
        """A file under another name."""
        name = self._any()
        files = {one if one != name else f"{one}.old": got for one, got in self.files.items()}
        return self._case("renamed", files, "bag", name)

    def swapped(self) -> Case:
        """A file of the older pack in place of this one's."""
        both = [
            name
            for name, content in self.files.items()
            if self.older_files.get(name, content) != content
        ]
        name = self.chance.choice(both)
        files = {**self.files, name: self.older_files[name]}
        if name == STATEMENT:
            return self._case("swapped", files, "signature")
        return self._case("swapped", files, "bag", "" if name in {TAGS, MANIFEST} else name)

    def rehashed(self) -> Case:
        """A file altered or added, and all manifests made to fit."""
        files = dict(self.files)
        if self.chance.random() < 0.2:
            files[f"data/more{self.chance.randrange(100)}.txt"] = b"more\n"
        else:
            name = self.chance.choice([one for one in files if one.startswith("data/")])
            files[name] = _flip(files[name], self.chance)
        return self._case("rehashed", rebagged(files), "signature")

    def stolen(self) -> Case:
        """All of it signed anew by somebody else, altered or not."""
        files = dict(self.files)
        if self.chance.random() < 0.5:
            files["data/report.html"] = _flip(files["data/report.html"], self.chance)
        files["keys/verifier.txt"] = f"{self.thief.verifier}\n".encode()
        return self._case("stolen", resigned(rebagged(files), self.thief), "key")

    def passed_off(self) -> Case:
        """The older pack, as it is, under this one's name, or with this one's days written in."""
        if self.chance.random() < 0.4:
            return Case("passed off", self.older_whole, "period")
        files = dict(self.older_files)
        if self.chance.random() < 0.5:
            return self._case("passed off", files, "bag", "bag-info.txt")
        files["bag-info.txt"] = self.files["bag-info.txt"]
        return self._case("passed off", rebagged(files), "signature")

    def untrue(self) -> Case:
        """Something that does not fit, signed by the right key."""
        name, edit, fails = self.chance.choice(_UNTRUTHS)
        files = dict(self.files)
        files[name] = edit(files[name])
        return self._case(f"untrue {name}", resigned(rebagged(files), self.signer), fails)

    def _any(self) -> str:
        return self.chance.choice(sorted(self.files))

    def _case(self, kind: str, files: Mapping[str, bytes], fails: str, says: str = "") -> Case:
        parts = (Part.of(f"{self.base}/{name}", content) for name, content in files.items())
        return Case(kind, b"".join(zip_chunks(parts)), fails, says)


def _flip(content: bytes, chance: random.Random) -> bytes:
    at, bit = chance.randrange(len(content)), 1 << chance.randrange(8)
    return content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :]


def _json(change: Callable[[Any], object]) -> Callable[[bytes], bytes]:
    def edit(content: bytes) -> bytes:
        document = json.loads(content)
        change(document)
        return json.dumps(document).encode()

    return edit


def _without_a_line(content: bytes) -> bytes:
    return b"".join(content.splitlines(keepends=True)[:-1])


def _replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def edit(content: bytes) -> bytes:
        assert old in content
        return content.replace(old, new, 1)

    return edit


_UNTRUTHS: list[tuple[str, Callable[[bytes], bytes], str]] = [
    ("data/counts.csv", _replaced(b",files,12\n", b",files,13\n"), "counts"),
    ("data/counts.csv", lambda content: content + b'"', "counts"),
    ("data/items.json", lambda content: b"[" * 100_000 + content, "evidence items"),
    ("data/items.json", _json(lambda items: items[0]["facts"].update(n=9)), "evidence items"),
    ("data/items.json", _json(lambda items: items.pop()), "evidence items"),
    ("data/items.json", _json(lambda items: items[0]["clauses"].append("N9.9")), "clauses"),
    ("data/items.json", _json(lambda items: items.append(items[0])), "evidence items"),
    ("data/evidence/alpha.json", _replaced(b"made up", b"made it"), "evidence items"),
    ("data/clauses.json", _json(lambda told: told["verdicts"][0].update(state="met")), "clauses"),
    ("data/clauses.json", _json(lambda told: told["verdicts"].pop()), "clauses"),
    ("data/clauses.json", _json(lambda told: told["notice"]["clauses"].pop()), "clauses"),
    ("data/clauses.json", _json(lambda told: told["missing"].update(x="y")), "clauses"),
    ("data/clauses.json", _json(lambda told: told.update(judged_on="2026-02-20")), "clauses"),
    ("data/clauses.json", _json(lambda told: told.update(rules_sha256="00" * 32)), "clauses"),
    ("data/clauses.json", _json(lambda told: told.update(notice_sha256="00" * 32)), "clauses"),
    ("data/ledger/leaves.jsonl", _without_a_line, "ledger"),
    ("data/ledger/leaves.jsonl", lambda content: content[:-1], "ledger"),
    ("data/ledger/leaves.jsonl", _replaced(b'"all":', b'"any":'), "ledger"),
    ("data/ledger/slice.json", _json(lambda told: told["before"].reverse()), "ledger"),
    ("data/ledger/certified.jsonl", _without_a_line, "anchors"),
    ("data/ledger/certified.jsonl", _replaced(b"c0", b"c7"), "anchors"),
    ("data/ledger/flow-runs.jsonl", _without_a_line, "flow runs"),
    ("data/ledger/checkpoint", _replaced(b"\n10\n", b"\n11\n"), "checkpoint"),
    ("data/certificates/index.csv", _replaced(b"c1,", b"c7,"), "certificates"),
    ("data/certificates/index.csv", _without_a_line, "certificates"),
    ("data/certificates/0001.jsonl", _without_a_line, "certificates"),
    ("data/certificates/0001.jsonl", _replaced(b'"payload":"ey', b'"payload":"ez'), "certificates"),
    ("data/flow-runs.json", _json(lambda runs: runs[0].update(state="Failed")), "flow runs"),
    ("bag-info.txt", _replaced(b"Callward-Kind: nightly", b"Callward-Kind: annual"), "signature"),
    ("keys/verifier.txt", lambda content: content + b"x\n", "signature"),
]
