"""Which recordings went to which sub-processor: counted, listed, and in the pack."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from callward.enginesettings import HttpSettings
from callward.instance import Instance
from callward.speech import disclosure
from callward.speech.disclosure import listing
from tests.commands import callward
from tests.speech.studio import Faults, Parrot, Studio, listen_with, studio, with_settings
from tests.subprocessors.entries import register
from tests.support import Call, deliver, instruct, rows, run_stage, tone

SPEECH = HttpSettings(kind="http", url="https://x.example/v1", model="m", sub_processor="northwind")


@pytest.fixture
def room(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Studio, Faults]]:
    """An engine that is a sub-processor's, and two controllers that have it used."""
    listen_with(monkeypatch, Parrot())
    made, faults = studio(instance)
    made = with_settings(made, faults, engine={"speech": SPEECH})
    register(made)
    for controller in ("acorn", "birch"):
        instruct(made, controller, transcription=True)
        path = made.settings.instructions / f"{controller}.yaml"
        said = "  engines: [speech]\n  sub_processors: [northwind]\n"
        path.write_text(path.read_text() + said)
    return (yield made, faults)


def _take_in(instance: Instance, controller: str, *calls: Call) -> None:
    deliver(instance, calls, controller=controller)
    assert run_stage(instance, "ingest").failures == []


def test_they_are_listed(room: tuple[Studio, Faults]) -> None:
    """A line a batch: whose, to whom, where, how much, by which instruction; or some of them."""
    instance, _ = room
    _take_in(instance, "acorn", Call("a", content=tone(2, channels=2)), Call("b", content=tone(1)))
    _take_in(instance, "birch", Call("c", content=tone(3)))
    assert run_stage(instance, "transcribe").failures == []
    with instance.reading() as connection:
        found = listing(connection)
        assert [one["controller"] for one in listing(connection, controller="birch")] == ["birch"]
        assert listing(connection, sub_processor="southwind") == []
        assert len(listing(connection, sub_processor="northwind")) == 2
    by = {one["controller"]: one for one in found}
    acorn = by["acorn"]
    assert (acorn["recordings"], acorn["seconds"], acorn["state"]) == (2, 5.0, "ended")
    assert (acorn["sub_processor"], acorn["country"], acorn["engine"]) == (
        "northwind",
        "GB",
        "speech",
    )
    assert acorn["version"] == 1
    assert (acorn["instruction"],) in rows(instance, "instructions", "digest")


def test_what_could_not_be_opened_has_not_gone(room: tuple[Studio, Faults]) -> None:
    """Its ciphertext was altered: announced with the others, and not among those that went."""
    instance, _ = room
    _take_in(instance, "acorn", Call("altered"), Call("good"))
    _, path = min(rows(instance, "objects", "id", "store_key"), key=lambda row: row[1] is None)
    sealed = bytearray(b"".join(instance.vault.store.get(str(path))))
    sealed[-1] ^= 1
    instance.vault.store.put(str(path), [bytes(sealed)])
    report = run_stage(instance, "transcribe")
    assert report.counts == {"acorn": {"transcribed": 1, "failed:integrity": 1}}
    assert rows(instance, "disclosures", "recordings", "state") == [(1, "ended")]


class Killed(BaseException):
    """The process dies here."""


def test_what_was_cut_short_counts_whole(
    room: tuple[Studio, Faults], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was announced stays so, for nobody knows what went; the next night is another one."""
    instance, _ = room
    _take_in(instance, "acorn", Call("one"), Call("two"))

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(disclosure, "end", die)
        with pytest.raises(Killed):
            run_stage(instance, "transcribe")
    assert rows(instance, "disclosures", "state", "recordings") == [("announced", 2)]
    assert run_stage(instance, "transcribe").counts == {"acorn": {"transcribed": 2}}
    found = rows(instance, "disclosures", "state", "recordings")
    assert found == [("announced", 2), ("ended", 2)]


def test_the_command_and_the_pack(room: tuple[Studio, Faults]) -> None:
    """Both say the same, of the catalogue on disk; nothing of it is anybody's data."""
    instance, _ = room
    _take_in(instance, "acorn", Call("one"))
    run_stage(instance, "transcribe")
    assert run_stage(instance, "evidence").failures == []
    (pack,) = instance.settings.evidence.glob("*.zip")
    with zipfile.ZipFile(pack) as archive:
        (name,) = [one for one in archive.namelist() if one.endswith("data/disclosures.json")]
        (packed,) = json.loads(archive.read(name))
    assert (packed["sub_processor"], packed["recordings"]) == ("northwind", 1)
    home: Path = instance.settings.home
    (listed,) = callward(home, "disclosures", "list", "--json").json
    assert {name: packed[name] for name in ("id", "night", "country", "instruction")} == {
        name: listed[name] for name in ("id", "night", "country", "instruction")
    }
    said = callward(home, "disclosures", "list", "--controller", "acorn")
    assert said.status == 0, said.err
    assert "northwind" in said.out
    assert "version 1" in said.out
    nothing = callward(home, "disclosures", "list", "--sub-processor", "southwind")
    assert "nothing was disclosed" in nothing.out
