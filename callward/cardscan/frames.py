"""What the gates before and behind the scan look at: a row per recording."""

from collections.abc import Mapping, Sequence
from datetime import date

import pandas as pd

from callward.cardscan.plan import SCAN, Candidate
from callward.cardscan.work import Scanned
from callward.speech.plan import SCANNED


def entry(batch: Sequence[Candidate]) -> pd.DataFrame:
    """Recordings that are about to be listened to."""
    return pd.DataFrame(
        {
            "id": pd.Series([one.id for one in batch], dtype="str"),
            "controller": pd.Series([one.controller for one in batch], dtype="str"),
            # Where a number is known to be, there is no need to be told to look for it.
            "mode": pd.Series([SCAN if one.known else one.mode for one in batch], dtype="str"),
            "seconds": pd.Series([one.seconds for one in batch], dtype="float64"),
            "channels": pd.Series([one.channels for one in batch], dtype="int64"),
            "rate": pd.Series([one.rate for one in batch], dtype="int64"),
            "already": pd.Series([one.state in SCANNED for one in batch], dtype="bool"),
        }
    )


def exit_(
    scanned: Sequence[tuple[Candidate, Scanned]], due: Mapping[str, date | None]
) -> pd.DataFrame:
    """What came of them; ``due``: the originals' due days as they stand now."""
    results = [result for _, result in scanned]
    return pd.DataFrame(
        {
            "id": pd.Series([one.id for one, _ in scanned], dtype="str"),
            "seconds": pd.Series([result.seconds for result in results], dtype="float64"),
            "spans": pd.Series([len(result.muted) for result in results], dtype="int64"),
            "muted_seconds": pd.Series(
                [result.muted_seconds for result in results], dtype="float64"
            ),
            "longest_muted": pd.Series([result.longest for result in results], dtype="float64"),
            "same_length": pd.Series([_same_length(*pair) for pair in scanned], dtype="bool"),
            "ciphertext_digest": pd.Series(
                [result.sealed.ciphertext_digest if result.sealed else None for result in results],
                dtype="str",
            ),
            "due_day": pd.Series(
                [one.due_day if result.sealed else None for one, result in scanned],
                dtype="datetime64[us]",
            ),
            "original_due_day": pd.Series(
                [due.get(one.id) if result.sealed else None for one, result in scanned],
                dtype="datetime64[us]",
            ),
        }
    )


def _same_length(one: Candidate, result: Scanned) -> bool:
    """As many samples, of the same rate and channels."""
    if result.facts is None:
        return True
    now = (result.facts["samples"], result.facts["rate"], result.facts["channels"])
    return now == (one.samples, one.rate, one.channels)
