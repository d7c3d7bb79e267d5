"""What a certificate of destruction cannot prove, in plain sentences."""

from collections.abc import Sequence
from typing import Final

_ALWAYS: Final = (
    (
        "Copies that somebody with access made while the objects existed, outside the stores named "
        "here, are beyond what this system can see or destroy."
    ),
    (
        "The controller's own copies, and whatever was handed to it or on its instruction to "
        "others, are not covered."
    ),
    (
        "The answer of a key cell is the cell's own word. Where a cell is a file, flash memory and "
        "copy-on-write file systems may keep remnants of overwritten bytes; where that matters the "
        "cell should be a hardware module."
    ),
    (
        "Keys and content that were in the memory of a running process are not traced: memory is "
        "not wiped, and may have been swapped to disk or dumped."
    ),
    (
        "The backups counted are those this system made or was told of. Others do not open the "
        "objects either, unless somebody copied the root key together with them while it existed."
    ),
    (
        "Counts, checks and scans are the instance's own signed statements. That it keeps no "
        "second, different ledger shows only by comparing checkpoints with a "
        "witness or with earlier packs."
    ),
)
_NOT_ALONE: Final = (
    "The ledger's entry of the keys' end lists objects of other controllers too; that those listed "
    "here are among them shows by each object's own proof from the ledger."
)
_WORD: Final = (
    "That key cell {} destroyed its root is a person's word: the cell had left the settings and "
    "could not be asked."
)
_NO_DRILL: Final = "No restore drill had been held when this was issued."


def limits(*, exactly: bool, drilled: bool, by_word: Sequence[str] = ()) -> Sequence[str]:
    """Return the sentences for a certificate.

    ``exactly``: whether its leaf lists its objects alone; ``drilled``: whether there was a
    drill; ``by_word``: cells for which a person answered.
    """
    sentences = list(_ALWAYS)
    if not exactly:
        sentences.append(_NOT_ALONE)
    if not drilled:
        sentences.append(_NO_DRILL)
    sentences += [_WORD.format(cell) for cell in sorted(set(by_word))]
    return sentences
