"""The witness: what it cosigns, what it refuses, what it keeps."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callward.clock import FixedClock
from callward.ledger import merkle, notes
from callward.ledger.cosigning import verify_line
from callward.ledger.keys import History, Period
from callward.ledger.signing import Signer
from callward.ledger.witness import MAX_CONFLICTS, Answer, Request, Witness, witness_key
from tests.ledger.trees import Tree
from tests.support import NOW


@dataclass
class Booth:
    """A witness in a folder; ``again`` is the same after its process has ended."""

    folder: Path
    signer: Signer
    log: Signer

    @property
    def again(self) -> Witness:
        """A witness on the folder as it is."""
        return Witness(self.folder, self.signer, [self.log.verifier], FixedClock(NOW))

    @property
    def conflicts(self) -> dict[str, str]:
        """What is kept of heads that do not fit, by kind."""
        found = self.folder.glob("logs/*/conflicts/*")
        return {path.name.split("-")[0]: path.read_text() for path in found}

    def cosigned(self, answer: Answer, note: str) -> bool:
        """Whether the answer is a cosignature of the head in ``note``."""
        if answer.status != HTTPStatus.OK:
            return False
        verify_line(answer.body.removesuffix("\n"), note, witness_key(self.signer))
        return True


@pytest.fixture
def booth(tmp_path: Path, signer: Signer) -> Booth:
    """A witness that has seen nothing yet."""
    own = Signer.create(tmp_path / "witness.key", "witness.example/w1")
    return Booth(tmp_path / "state", own, signer)


def size_said(answer: Answer) -> int:
    """The size in a refusal with the specification's media type."""
    assert (answer.status, answer.content_type) == (HTTPStatus.CONFLICT, "text/x.tlog.size")
    return int(answer.body)


def files(folder: Path) -> dict[str, bytes]:
    """Every file of the witness."""
    return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_what_grows_is_cosigned(booth: Booth, signer: Signer) -> None:
    """From nothing, on, and the same head again; each after a new start."""
    tree, old = Tree(signer), 0
    for more in (3, 1, 0, 5, 0, 8):
        tree = tree.grow(more)
        assert booth.cosigned(booth.again.add_checkpoint(tree.request(old)), tree.note())
        old = len(tree.leaves)
    assert booth.conflicts == {}


def test_an_old_size_that_does_not_match_is_told(booth: Booth, signer: Signer) -> None:
    """With the size seen, and nothing is changed; a request replayed is such a one."""
    tree = Tree(signer).grow(5)
    first = tree.request(0)
    witness = booth.again
    assert booth.cosigned(witness.add_checkpoint(first), tree.note())
    kept = files(booth.folder)
    for request in (first, tree.grow(4).request(3), tree.grow(4).request(0)):
        assert size_said(witness.add_checkpoint(request)) == 5
    assert files(booth.folder) == kept


def test_a_fork_is_refused_and_both_heads_are_kept(booth: Booth, signer: Signer) -> None:
    """The same size with another root: proof that the log signed two histories."""
    tree, fork = Tree(signer).grow(5), Tree(signer).grow(4).grow(1, "x")
    witness = booth.again
    assert booth.cosigned(witness.add_checkpoint(tree.request(0)), tree.note())
    for old in (5, 0):
        assert size_said(witness.add_checkpoint(fork.request(old))) == 5
    assert booth.conflicts == {"fork": f"{tree.note()}\n{fork.note()}"}
    assert booth.cosigned(booth.again.add_checkpoint(tree.request(5)), tree.note())


def test_a_fork_of_an_earlier_head_is_kept_too(booth: Booth, signer: Signer) -> None:
    """What was cosigned long ago still convicts."""
    tree, fork = Tree(signer).grow(5), Tree(signer).grow(4).grow(1, "x")
    witness = booth.again
    witness.add_checkpoint(tree.request(0))
    assert booth.cosigned(witness.add_checkpoint(tree.grow(3).request(5)), tree.grow(3).note())
    assert size_said(witness.add_checkpoint(fork.request(0))) == 8
    assert booth.conflicts == {"fork": f"{tree.note()}\n{fork.note()}"}


def test_a_log_grown_on_a_fork_is_refused(booth: Booth, signer: Signer) -> None:
    """Its proof cannot hold; both heads are kept."""
    tree, fork = Tree(signer).grow(5), Tree(signer).grow(4, "x").grow(4)
    witness = booth.again
    witness.add_checkpoint(tree.request(0))
    answer = witness.add_checkpoint(fork.request(5))
    assert answer.status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert booth.conflicts == {"unproved": f"{tree.note()}\n{fork.note()}"}
    assert size_said(booth.again.add_checkpoint(tree.request(0))) == 5


def test_a_truncated_log_is_refused(booth: Booth, signer: Signer) -> None:
    """A smaller head never seen is kept beside the larger one; one seen before is a replay."""
    tree = Tree(signer).grow(5)
    witness = booth.again
    witness.add_checkpoint(tree.request(0))
    witness.add_checkpoint(tree.grow(3).request(5))
    assert size_said(witness.add_checkpoint(tree.request(0))) == 8
    assert booth.conflicts == {}
    shorter = Tree(signer).grow(6)
    assert size_said(witness.add_checkpoint(shorter.request(5))) == 8
    assert booth.conflicts == {"smaller": f"{tree.grow(3).note()}\n{shorter.note()}"}


def test_who_is_not_known_is_refused(booth: Booth, signer: Signer, tmp_path: Path) -> None:
    """Another log, another key of the same name, a broken signature."""
    namesake = Signer.create(tmp_path / "namesake", signer.name)
    stranger = Signer.create(tmp_path / "stranger", "callward.example/other")
    witness = booth.again
    kept = files(booth.folder)
    answers = [
        witness.add_checkpoint(Tree(one).grow(2).request(0)).status for one in (stranger, namesake)
    ]
    broken = Tree(signer).grow(2).request(0).replace(b"\n2\n", b"\n3\n")
    answers.append(witness.add_checkpoint(broken).status)
    assert answers == [HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN, HTTPStatus.FORBIDDEN]
    assert files(booth.folder) == kept


def test_malformed_requests_are_refused(booth: Booth, signer: Signer) -> None:
    """In one way, and nothing is changed."""
    tree = Tree(signer).grow(2)
    good = tree.request(0)
    proof = tuple(bytes(32) for _ in range(64))
    bad = [
        b"",
        b"\xff" + good,
        good.replace(b"old 0", b"old 00"),
        good.replace(b"old 0", b"old -1"),
        good.replace(b"old 0", b"new 0"),
        good.replace(b"old 0", b"old 0 "),
        good.replace(b"old 0", b"old 3"),
        good.replace(b"old 0\n", b"old 0\nnot base64\n"),
        good.replace(b"\n\n", b"\n", 1),
        good[:-1],
        Request(0, proof, tree.note()).encoded(),
    ]
    witness = booth.again
    kept = files(booth.folder)
    assert {witness.add_checkpoint(one).status for one in bad} == {HTTPStatus.BAD_REQUEST}
    assert files(booth.folder) == kept


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.data())
def test_no_mutation_of_a_request_is_believed(
    booth: Booth, signer: Signer, data: st.DataObject
) -> None:
    """Flip a byte anywhere: what is cosigned, if anything, is the log's own head."""
    tree = Tree(signer).grow(5)
    witness = booth.again
    witness.add_checkpoint(tree.request(0))
    body = bytearray(tree.grow(4).request(5))
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] ^= data.draw(st.integers(1, 255))
    answer = witness.add_checkpoint(bytes(body))
    if answer.status == HTTPStatus.OK:  # only what is no part of it can be changed
        assert booth.cosigned(answer, tree.grow(4).note())
    for path in booth.folder.glob("logs/*/checkpoint"):
        assert path.read_text() in {tree.note(), tree.grow(4).note()}
        path.write_text(tree.note())


def test_a_proof_where_none_belongs_is_refused(booth: Booth, signer: Signer) -> None:
    """From nothing, or to the same size, a proof is empty."""
    tree = Tree(signer).grow(2)
    witness = booth.again
    stuffed = Request(0, (bytes(32),), tree.note()).encoded()
    assert witness.add_checkpoint(stuffed).status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert booth.cosigned(witness.add_checkpoint(tree.request(0)), tree.note())
    stuffed = Request(2, (bytes(32),), tree.note()).encoded()
    assert witness.add_checkpoint(stuffed).status == HTTPStatus.UNPROCESSABLE_ENTITY


def test_strangers_cannot_fill_the_folder(
    booth: Booth, signer: Signer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A head with other signatures under it is the same head; and there is an end to it."""
    tree, fork = Tree(signer).grow(5), Tree(signer).grow(4, "x").grow(4)
    witness = booth.again
    witness.add_checkpoint(tree.request(0))
    for number in range(3):
        one = Signer.create(tmp_path / f"stranger-{number}", f"stranger/{number}")
        note = notes.add_signature(fork.note(), one.name, one.key)
        proof = tuple(merkle.consistency_path(fork.leaves, 5))
        witness.add_checkpoint(Request(5, proof, note).encoded())
    folder = next(booth.folder.glob("logs/*/conflicts"))
    assert len(list(folder.iterdir())) == 1
    assert MAX_CONFLICTS >= 10
    monkeypatch.setattr("callward.ledger.witness.MAX_CONFLICTS", 4)
    for number in range(6):
        witness.add_checkpoint(Tree(signer).grow(9, f"{number}").request(5))
    assert len(list(folder.glob("unproved-*"))) == 4
    witness.add_checkpoint(Tree(signer).grow(5, "y").request(5))
    assert len(list(folder.glob("fork-*"))) == 1


def test_junk_under_a_head_is_not_kept(
    booth: Booth, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not under a known id with another name, nor twice: it would fill the place of evidence."""
    tree, fork = Tree(signer).grow(5), Tree(signer).grow(4).grow(1, "x")
    witness = booth.again
    key = notes.VerifierKey.parse(signer.verifier)
    monkeypatch.setattr("callward.ledger.witness.MAX_CONFLICTS", 2)
    junk = [notes.signature_line(f"junk/{n}", key.id, bytes([n]) * 64) for n in range(3)]
    own = fork.note().splitlines(keepends=True)[-1]
    witness.add_checkpoint(Request(0, (), tree.note() + junk[0]).encoded())
    for more in (junk[0], junk[1] + junk[2], own, junk[0] + own + own):
        witness.add_checkpoint(Request(5, (), fork.note() + more).encoded())
    assert len(list(booth.folder.glob("logs/*/conflicts/*"))) == 1
    assert booth.conflicts == {"fork": f"{tree.note()}\n{fork.note()}"}
    for kept in booth.folder.glob("logs/*/checkpoint"):
        assert kept.read_text() == tree.note()


def test_a_full_disk_cosigns_nothing(
    booth: Booth, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be kept is not said; afterwards all is as before."""
    tree = Tree(signer).grow(5)
    witness = booth.again
    witness.add_checkpoint(tree.request(0))

    def full(_path: Path, _content: bytes) -> None:
        raise OSError(28, "full")

    with monkeypatch.context() as patch:
        patch.setattr("callward.ledger.witness.write_durably", full)
        with pytest.raises(OSError, match="full"):
            witness.add_checkpoint(tree.grow(1).request(5))
    assert size_said(booth.again.add_checkpoint(tree.request(0))) == 5
    assert booth.cosigned(booth.again.add_checkpoint(tree.grow(1).request(5)), tree.grow(1).note())


def test_of_many_at_once_one_history_is_cosigned(booth: Booth, signer: Signer) -> None:
    """Racing forks of the same head: one is cosigned, however they come in."""
    tree = Tree(signer).grow(5)
    witness = booth.again
    witness.add_checkpoint(tree.request(0))
    forks = [tree.grow(3, f"{number}") for number in range(12)]
    start = threading.Barrier(len(forks))

    def submit(fork: Tree) -> bool:
        start.wait()
        return booth.cosigned(witness.add_checkpoint(fork.request(5)), fork.note())

    with ThreadPoolExecutor(len(forks)) as pool:
        won = list(pool.map(submit, forks))
    assert won.count(True) == 1
    kept = next(booth.folder.glob("logs/*/checkpoint")).read_text()
    assert kept == forks[won.index(True)].note()
    assert len(list(booth.folder.glob("logs/*/conflicts/fork-*"))) == len(forks) - 1


def test_a_logs_new_key_must_be_made_known(booth: Booth, signer: Signer, tmp_path: Path) -> None:
    """After a rotation the witness takes the list of keys, each for its range."""
    newer = Signer.create(tmp_path / "newer", signer.name)
    tree = Tree(signer).grow(5)
    meeting = notes.add_signature(tree.note(), newer.name, newer.key)
    booth.again.add_checkpoint(Request(0, (), meeting).encoded())
    after = Tree(newer, tree.leaves).grow(2)
    assert booth.again.add_checkpoint(after.request(5)).status == HTTPStatus.FORBIDDEN
    keys = str(History((Period(newer.verifier, 5), Period(signer.verifier, 0, 5))))
    witness = Witness(booth.folder, booth.signer, [keys], FixedClock(NOW))
    stale = Tree(signer, after.leaves)
    assert witness.add_checkpoint(stale.request(5)).status == HTTPStatus.FORBIDDEN
    assert booth.cosigned(witness.add_checkpoint(after.request(5)), after.note())
