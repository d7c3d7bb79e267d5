"""What a witness has said of a pack's checkpoint; its key is the reader's to have."""

from callward.errors import IntegrityError
from callward.evidence.checks.pack import Pack
from callward.evidence.layout import CHECKPOINT
from callward.ledger.cosigning import verify_cosigned


def check_witness(pack: Pack) -> str:
    """The witness that the reader knows has cosigned the checkpoint."""
    if pack.wanted.witness is None:
        raise IntegrityError("no witness's key was given")
    at = verify_cosigned(pack.text(CHECKPOINT), pack.wanted.witness)
    return f"cosigned at {at.isoformat()}, by the witness's clock"
