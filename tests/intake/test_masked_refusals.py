"""What a manifest delivers and is refused holds no card number in quarantine either."""

from pathlib import Path

import pytest

from callward.instance import Instance
from callward.intake import textpieces
from callward.intake.reasons import Reason
from callward.intake.seal import SealedFile, SealTask, seal_file
from callward.vault.sealing import context, open_chunks
from callward.vault.stores import open_store
from tests.night.finding import vault_contents
from tests.support import Call, deliver, instruct, rows, run_stage, tone

CARD = "4929 8876 5432 1090"


def test_text_in_place_of_audio_is_masked_before_it_is_kept(instance: Instance) -> None:
    """File, row and name are sealed without the number; what was masked is counted."""
    instruct(instance)
    text = f"Charge {CARD} to the order 12345678.\n".encode()
    called = Call("4929887654321090", content=text, agent=f"agent {CARD}")
    folder = deliver(instance, [called, Call("fine")])
    (folder / "unlisted.txt").write_bytes(text)
    run_stage(instance, "ingest")
    assert sorted(reason for (reason,) in rows(instance, "quarantine", "reason")) == [
        Reason.NOT_IN_MANIFEST,
        Reason.NOT_MEDIA,
    ]
    sealed = dict(vault_contents(instance))
    assert not [place for place, content in sealed.items() if b"8876" in content]
    kept = [content for content in sealed.values() if b"order 12345678" in content]
    assert len(kept) == 2
    assert all(content.startswith(b"Charge 4929 88") for content in kept)
    (counts,) = [counts for (counts,) in rows(instance, "stage_counts", "counts")]
    assert (counts["masked"], counts["masked-records"]) == (6, 2)
    for size, kind in rows(instance, "objects", "size", "kind"):
        assert size in {len(content) for place, content in sealed.items() if kind in place}


def test_a_digest_is_never_taken_for_a_card(instance: Instance) -> None:
    """Sixteen of its digits may pass for one; masked, the row could not be released."""
    instruct(instance)
    digest = "a" * 24 + "4929887654321090" + "b" * 24
    deliver(instance, [Call("one", row={"sha256": digest})])
    run_stage(instance, "ingest")
    assert rows(instance, "quarantine", "reason") == [(Reason.DIGEST_MISMATCH,)]
    assert [place for place, content in vault_contents(instance) if digest.encode() in content]


@pytest.mark.parametrize("piece", [16, 100, 10_000])
def test_a_long_text_is_masked_piece_by_piece(
    instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    """However it is cut: between lines, or within one that has no end."""
    monkeypatch.setattr(textpieces, "PIECE_BYTES", piece)
    lines = [f"line {n} of many, card {CARD}\n".encode() for n in range(40)]
    (tmp_path / "text").write_bytes(b"".join(lines))
    sealed, content = _sealed(instance, tmp_path, "text")
    assert sealed.reason is Reason.NOT_MEDIA
    if piece >= max(map(len, lines)):
        assert sealed.masked == 40
        assert b"8876" not in content
    assert content.count(b"of many") == 40
    assert sealed.sealed is not None
    assert sealed.sealed.size == len(content)


def test_media_and_what_is_neither_are_kept_as_they_are(instance: Instance, tmp_path: Path) -> None:
    """Audio is listened to later, and bytes that are no text have no number in them."""
    for name, data in {
        "audio": tone(),
        "bytes": bytes(range(256)) * 40,
        "plain": b"no number",
    }.items():
        (tmp_path / name).write_bytes(data)
        sealed, content = _sealed(instance, tmp_path, name)
        assert (content, sealed.masked) == (data, 0)


def _sealed(instance: Instance, folder: Path, name: str) -> tuple[SealedFile, bytes]:
    store = instance.vault.store
    task = SealTask(
        drop=folder,
        name=name,
        controller="acorn",
        object_id="0" * 32,
        kind="media",
        store_url=store.url,
        store_key=f"intent/{name}",
        max_bytes=10_000_000,
    )
    found = seal_file(task)
    assert found.sealed is not None
    bound_to = context("acorn", "0" * 32, "media")
    chunks = open_store(store.url).get(f"intent/{name}")
    return found, b"".join(open_chunks(found.sealed.key, bound_to, chunks))
