"""The certificate on paper: one page, the same bytes again, nothing from elsewhere."""

import hashlib
import json
import re
import struct
from collections.abc import Mapping
from typing import Any

import pytest

from callward.evidence.certificate import Statement, verify_certificate
from callward.evidence.certificate_pdf import page_text, render_pdf, render_png
from callward.evidence.limits import limits
from callward.ledger.signing import Signer
from tests.evidence.packs import PENDING, cell_answer, make_certificate

PLAIN: Mapping[str, Any] = {"limits": list(limits(exactly=True, drilled=True))}
CROWDED: Mapping[str, Any] = {
    "limits": list(limits(exactly=False, drilled=False)) * 2,
    "drill": None,
    "controller": "a-controller-with-a-name-as-long-as-can-be",
    "instructions": [
        {
            "version": n,
            "sha256": "ab" * 32,
            "effective_from": "2026-01-01",
            "retention": {f"class-{m}": "2 years 11 months" for m in range(6)},
        }
        for n in range(6)
    ],
    "generations.cells": [cell_answer(f"aws-kms-eu-west-2-{n:02}") for n in range(30)],
    "residual.stores": {
        f"a-store-of-some-length-{n}": {"looked-at": 1_234_567, "left": 0} for n in range(40)
    },
    "objects.kinds": {"recording": 2, **{f"kind-{n}": 0 for n in range(40)}},
    "objects.due_days": {
        "recordings": {"2026-03-01": 2},
        **{f"a-class-{n}": {"2026-02-01": 0, "2026-03-02": 0} for n in range(40)},
    },
    "backups.oldest": None,
    "holds.gate": None,
}


def _made(signer: Signer, changes: Mapping[str, Any]) -> tuple[Statement, str]:
    text = make_certificate(signer, 1, changes)
    return verify_certificate(text, signer.verifier), text


def _words(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


@pytest.mark.parametrize("changes", [PLAIN, {**PLAIN, **PENDING}, CROWDED])
def test_it_is_one_page(signer: Signer, changes: Mapping[str, Any]) -> None:
    """However much there is to say, it takes one page of A4, and the picture is not empty."""
    statement, text = _made(signer, changes)
    pdf = render_pdf(statement, text, signer.verifier)
    assert pdf.startswith(b"%PDF-1.7")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
    assert b"/MediaBox[0 0 595.2" in pdf.replace(b"/MediaBox [", b"/MediaBox[")
    (picture,) = render_png(statement, text, signer.verifier)
    assert picture.startswith(b"\x89PNG")
    assert struct.unpack(">LL", picture[16:24]) == (909, 1286)
    assert len(picture) > 50_000


def test_same_certificate_same_bytes(signer: Signer) -> None:
    """Its date is the certificate's, so the page can be made again and compared."""
    statement, text = _made(signer, PLAIN)
    pdf = render_pdf(statement, text, signer.verifier)
    assert pdf == render_pdf(statement, text, signer.verifier)
    assert b"D:20260302010000" in pdf
    other, _ = _made(signer, {**PLAIN, "holds.held": 5})
    assert pdf != render_pdf(other, text, signer.verifier)


def test_it_says_what_the_file_says(signer: Signer) -> None:
    """Whose, what, when, keys, checks, ledger, limits, digest of the file, key, how to check."""
    statement, text = _made(signer, PLAIN)
    digest = hashlib.sha256(text.encode()).hexdigest()
    page = page_text(statement, digest, signer.verifier)
    assert page["title"] == "Certificate of destruction"
    assert page["sentence"].startswith("It is certified that 2 sealed objects of acorn, due by 2")
    words = _words(page)
    for each in (
        "2 March 2026",
        "recording 1, transcript 1",
        "Root key 4 gave way to root key 5",
        "able to open any of it: 0",
        "this certificate's digest in leaf 5",
        "On hold and kept: 4",
        "version 1 of 1 January 2026",
        "python -P -m callward.evidence FILE --key KEY",
        digest,
        signer.verifier,
    ):
        assert each in words
    assert page["classes"] == [["recordings", "1 March 2026 to 2 March 2026", "2"]]
    assert [row[:3] for row in page["cells"]] == [
        ["file", "4", "destroyed"],
        ["hsm", "4", "destroyed"],
    ]
    assert page["limits"] == PLAIN["limits"]


def test_a_statement_does_not_look_like_a_certificate(signer: Signer) -> None:
    """Another title, another colour, and the first words say that it is none."""
    statement, _ = _made(signer, {**PLAIN, **PENDING})
    page = page_text(statement, "", signer.verifier)
    assert (page["certifies"], page["title"]) == (False, "Statement on destruction")
    assert page["sentence"].startswith("This is not a certificate.")
    assert "9 March 2026" in page["sentence"]
    assert "certified" not in _words(page)
    partial = {
        "state": "partial",
        "generations.unsettled": 1,
        "generations.cells": [cell_answer("hsm", "refused")],
        "ledger.complete": None,
    }
    refused, _ = _made(signer, {**PLAIN, **partial})
    said = page_text(refused, "", signer.verifier)["sentence"]
    assert "a key cell has not destroyed its root (hsm)" in said


def test_markup_in_it_is_text(signer: Signer) -> None:
    """What looks like the typesetter's language is printed, not obeyed."""
    trick = '#panic("no") $ * _ ] #read("/etc/hostname") [ @x <y> `'
    statement, text = _made(signer, {**PLAIN, "limits": [trick], "software": trick})
    assert render_pdf(statement, text, signer.verifier).startswith(b"%PDF")
