"""What a residual scan can find, and how much of it there is in which store."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class Finding(StrEnum):
    """The code of a finding; ``store`` is where it is found."""

    store: str

    def __new__(cls, code: str, store: str) -> Self:
        """A code and its store."""
        made = str.__new__(cls, code)
        made._value_, made.store = code, store
        return made

    CIPHERTEXT_OF_SHREDDED = "ciphertext-of-shredded", "object-store"
    MARKER_LEFT = "marker-left", "object-store"
    """A version that says only that something was deleted."""
    PARTIAL_LEFT = "partial-left", "object-store"
    UPLOAD_LEFT = "upload-left", "object-store"
    CIPHERTEXT_WITHOUT_ROW = "ciphertext-without-row", "object-store"
    CIPHERTEXT_MISSING = "ciphertext-missing", "object-store"
    KEY_OF_SHREDDED = "key-of-shredded", "object-keys"
    KEY_WITHOUT_ROW = "key-without-row", "object-keys"
    KEY_WITHOUT_PAGE = "key-without-page", "object-keys"
    KEY_MISSING = "key-missing", "object-keys"
    PAGE_WITHOUT_KEY = "page-without-key", "pages"
    PAYLOAD_OF_SHREDDED = "payload-of-shredded", "payloads"
    PAYLOAD_WITHOUT_ROW = "payload-without-row", "payloads"
    PAYLOAD_MISSING = "payload-missing", "payloads"
    TRANSCRIPT_WITHOUT_RECORDING = "transcript-without-recording", "objects"
    QUARANTINE_OF_SHREDDED = "quarantine-of-shredded", "quarantine"
    TEMPORARY_LEFT = "temporary-left", "temporary"
    RESULT_KEPT = "result-kept", "results"
    """Prefect has stored what a flow or task returned."""
    JOURNAL_OPENS_SHREDDED = "journal-opens-shredded", "journal"
    """A wrap of a shredded object, and the page that it is under lives."""
    JOURNAL_ERASED_LIVES = "journal-erased-lives", "journal"
    JOURNAL_PAGES_KEPT = "journal-pages-kept", "journal"
    JOURNAL_UNREADABLE = "journal-unreadable", "journal"
    BACKUP_OPENS_SHREDDED = "backup-opens-shredded", "backups"
    """A wrap of a shredded object, and a cell can use the root of its generation."""
    BACKUP_UNREADABLE = "backup-unreadable", "backups"


STORES = tuple(dict.fromkeys(finding.store for finding in Finding))
LOOKED = "looked-at"


@dataclass(frozen=True, slots=True)
class Scan:
    """What one scan found. ``ids``: of objects, pages, backups; of a whole scan not all of them.

    ``counts``: for each store that was read how many things were looked at
    (``looked-at``), and how many findings of each code that it can have.
    """

    id: str
    scope: str
    sweep_id: str | None
    counts: Mapping[str, Mapping[str, int]]
    ids: Mapping[Finding, frozenset[str]]

    @property
    def found(self) -> Mapping[str, int]:
        """Findings by code, those there are none of left out."""
        return {
            code: count
            for counts in self.counts.values()
            for code, count in counts.items()
            if count and code != LOOKED
        }

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.found

    @property
    def zeros(self) -> Mapping[str, int]:
        """``store/code`` and how many, for every code that was looked for; for a certificate."""
        return {
            f"{store}/{code}": count
            for store, counts in self.counts.items()
            for code, count in counts.items()
            if code != LOOKED
        }


class Tally:
    """Counts findings; keeps the ids of the first ``keep`` of each code (None: of all)."""

    def __init__(self, codes: Iterable[Finding], keep: int | None = None) -> None:
        self._keep = keep
        self._ids: dict[Finding, set[str]] = defaultdict(set)
        self._looked: Counter[str] = Counter()
        self._found: Counter[Finding] = Counter(dict.fromkeys(codes, 0))

    def looked(self, store: str, count: int = 1) -> None:
        """So many things in a store were looked at."""
        self._looked[store] += count

    def add(self, finding: Finding, about: str) -> None:
        """Something was found."""
        self._found[finding] += 1
        if self._keep is None or len(self._ids[finding]) < self._keep:
            self._ids[finding].add(about)

    def close(self, scan_id: str, scope: str, sweep_id: str | None) -> Scan:
        """The scan's result."""
        counts: dict[str, dict[str, int]] = {}
        for finding, count in self._found.items():
            store = counts.setdefault(finding.store, {LOOKED: self._looked[finding.store]})
            store[finding.value] = count
        ids = {finding: frozenset(found) for finding, found in self._ids.items()}
        return Scan(scan_id, scope, sweep_id, counts, ids)
