"""Every file of the real vCons: taken, or refused for the right reason."""

from collections import Counter
from pathlib import Path

import pytest

from callward.intake.readers.registry import READERS, reader_for
from callward.intake.readers.vcon import VconReader
from callward.intake.reasons import Reason
from callward.intake.records import Record
from tests.intake.reading import read, real, sight, tried

READER = VconReader()
CALL = ("call",)
SERVED = ("call media-by-url", "transcript")
VERDICTS: dict[str, tuple[str, ...]] = {
    "b217b61e.vcon.json": SERVED,
    "pyvcon_ab_call_ext_rec_0.0.1.vcon": ("call media-by-url",),
    "pyvcon_hello.vcon": ("call", "recording"),
    "pyvcon_pre_0.0.1_vcon_trans.vcon": ("record-malformed",),
    "ietf_core/ab_call_ext_rec.vcon": ("call media-by-url",),
    "ietf_core/ab_call_ext_rec_amended.vcon": ("call media-by-url",),
    "ietf_core/ab_call_ext_rec_encrypted.vcon": ("encrypted",),
    "ietf_core/ab_call_ext_rec_redacted.vcon": ("call", "transcript"),
    "ietf_core/ab_call_ext_rec_signed.vcon": ("call media-by-url",),
    "ietf_core/ab_call_ext_rec_with_redact.vcon": ("call media-by-url", "transcript", "transcript"),
    "ietf_core/ab_call_int_rec.vcon": ("call", "recording"),
    "ietf_core/ab_email_acct_prob_thread.vcon": ("email",),
    "ietf_core/ab_email_prob_followup_alice.vcon": ("email",),
    "ietf_core/simple-vcon.vcon": ("record-malformed",),
    "invalid/bad_dialog_types.json": ("record-malformed",),
    "invalid/bad_duration.json": ("number-malformed",),
    "invalid/bad_mimetype.json": ("record-malformed",),
    "invalid/bad_url.json": ("record-malformed",),
    "invalid/empty_vcon.json": ("record-malformed",),
    "invalid/missing_uuid_and_vcon_version.json": ("record-malformed",),
    "invalid/null_parties.json": ("record-malformed",),
    "invalid/out_of_range_party_indices.json": ("record-malformed",),
}
"""By file: what each record or refusal is, and what a record is taken without."""
NO_VCONS = (".crt", ".cddl", ".txt", ".schema.json")


def _files() -> list[Path]:
    return sorted(one for one in real("3_cdr", "vcon").rglob("*") if one.is_file())


def _verdicts(path: Path) -> tuple[str, ...]:
    made = tried(READER, path.read_bytes())
    assert not isinstance(made, Reason), made
    return tuple(
        " ".join([one.kind, *one.without]) if isinstance(one, Record) else one.reason.value
        for one in made
    )


def test_every_file_has_the_verdict_it_should_have() -> None:
    """The datasets in the folder of a server are all alike: a recording by URL, a transcript."""
    root = real("3_cdr", "vcon")
    for path in _files():
        name = path.relative_to(root).as_posix()
        if name.endswith(NO_VCONS):
            continue
        expected = SERVED if name.startswith("vcon_server_dataset/") else VERDICTS.get(name)
        if expected is not None:
            assert _verdicts(path) == expected, name


def test_counts_of_records_and_reasons() -> None:
    """What is told in the documentation."""
    root = real("3_cdr", "vcon")
    known = [root / name for name in VERDICTS] + sorted((root / "vcon_server_dataset").iterdir())
    counts = Counter(verdict for path in known for verdict in _verdicts(path))
    assert sum(counts[name] for name in ("call", "call media-by-url", "email")) == 17
    assert counts["recording"] == 2
    assert counts["transcript"] == 10


def test_the_reader_claims_all_vcons_and_nothing_else() -> None:
    """Among all the formats there are."""
    for path in real("3_cdr").parent.rglob("*"):
        folder = path.relative_to(real("3_cdr").parent).parts[0]
        if folder not in {"3_cdr", "4_pan", "5_conversations"} or not path.is_file():
            continue
        data = path.read_bytes()
        is_vcon = "vcon" in path.parts and not path.name.endswith(NO_VCONS)
        assert READER.claims(sight(data, path.name)) is is_vcon, path.name
        if is_vcon:
            assert reader_for(sight(data, path.name)) is READERS["vcon"]


def test_inline_media_is_what_the_file_holds() -> None:
    """RIFF in both, whole."""
    for name, size in (("pyvcon_hello.vcon", 131194), ("ietf_core/ab_call_int_rec.vcon", 7730)):
        made = read(READER, real("3_cdr", "vcon", *name.split("/")).read_bytes())
        assert isinstance(made[1], Record)
        assert made[1].parts[0].data[:4] == b"RIFF"
        assert len(made[1].parts[0].data) == size


def test_a_schema_is_no_vcon() -> None:
    """Though it names every member of one."""
    path = real("3_cdr", "vcon", "vcon-0.0.1.schema.json")
    assert not READER.claims(sight(path.read_bytes(), path.name))


@pytest.mark.parametrize("name", ["certs_fake_grp.crt"])
def test_a_certificate_is_refused_as_a_file(name: str) -> None:
    """It is no JSON at all."""
    data = real("3_cdr", "vcon", "pyvcon_interop_certs", name).read_bytes()
    assert tried(READER, data) is Reason.FILE_MALFORMED
