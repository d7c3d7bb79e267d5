"""Telephone systems' real files: what is taken, what is refused and why, and whose they are."""

from collections import Counter

import pytest

from callward.intake.readers.registry import READERS, reader_for
from callward.intake.reasons import Reason
from callward.intake.records import Record
from tests.intake.reading import real, sight, tried

MINE = {"asterisk-cdr", "freeswitch-csv", "freeswitch-json", "3cx-cdr", "siprec"}
TAKEN = {
    "asterisk/apspoliveira_cdr_internal_rows.csv": ("asterisk-cdr", 757, {}),
    "asterisk/testsuite_Master.csv": ("asterisk-cdr", 2, {}),
    "freeswitch/cgrates_fscdr_body.json": ("freeswitch-json", 1, {}),
    "freeswitch/cgrates_fsevent_body.json": ("freeswitch-json", 1, {}),
    "freeswitch/cgrates_hangup_event.txt": ("freeswitch-json", 1, {}),
    "freeswitch/kx_mod_cdr_csv_Master.csv": ("freeswitch-csv", 10, {}),
    "siprec/drachtio_acme-siprec-offer.txt": ("siprec", 1, {}),
    "siprec/drachtio_broadworks-offer-2.txt": ("siprec", 1, {}),
    "siprec/drachtio_connectel-offer.txt": ("siprec", 0, {Reason.TIME_MALFORMED: 1}),
    "siprec/drachtio_connectel-offer2.txt": ("siprec", 0, {Reason.TIME_MALFORMED: 1}),
    "siprec/drachtio_connectel-offer3.txt": ("siprec", 0, {Reason.TIME_MALFORMED: 1}),
    "siprec/drachtio_inactive-sdp-offer.txt": ("siprec", 1, {}),
    "siprec/drachtio_procomm-siprec-offer.txt": ("siprec", 1, {}),
    "siprec/drachtio_sonus-siprec-offer.txt": ("siprec", 0, {Reason.TIME_MALFORMED: 1}),
    "threecx/cdr-240617055949.288831.log": ("3cx-cdr", 1, {}),
}
"""Reader, records, refusals. The refused name no time at all, or one of a clock never set."""
NOT_OURS = {
    "asterisk/testsuite_cdr.py.txt": "asterisk-cdr",  # a program
    "freeswitch/cgrates_partial_cdr_1.csv": "freeswitch-csv",  # a rating engine's own rows
    "freeswitch/cgrates_partial_cdr_2.csv": "freeswitch-csv",
    "freeswitch/cgrates_partial_cdr_3.csv": "freeswitch-csv",
    "siprec/drachtio_sample-sdp2.txt": "siprec",  # SDP without metadata
    "siprec/drachtio_sample-sdp3.txt": "siprec",
    "threecx/README_field_order.md": "3cx-cdr",  # prose
}
"""Files no reader knows, and the reader a drop might name for them all the same."""


@pytest.mark.parametrize("name", sorted(TAKEN))
def test_what_becomes_of_a_file(name: str) -> None:
    """Found by content; each record taken or refused for the right reason."""
    data = real("3_cdr", name).read_bytes()
    source, records, refused = TAKEN[name]
    reader = reader_for(sight(data, name))
    assert reader is READERS[source]
    made = tried(reader, data)
    assert isinstance(made, list)
    assert sum(isinstance(one, Record) for one in made) == records
    assert Counter(one.reason for one in made if not isinstance(one, Record)) == refused


@pytest.mark.parametrize("name", sorted(NOT_OURS))
def test_what_is_none_of_ours(name: str) -> None:
    """Is claimed by no reader, and malformed as a whole where a drop says that it is one."""
    data = real("3_cdr", name).read_bytes()
    assert reader_for(sight(data, name)) is None
    assert tried(READERS[NOT_OURS[name]], data) is Reason.FILE_MALFORMED


@pytest.mark.parametrize("folder", ["3_cdr", "5_conversations", "4_pan", "6_registers", "2_codecs"])
def test_nobody_elses_files_are_claimed(folder: str) -> None:
    """Each of these readers claims its own of all real files and no other."""
    root = real(folder)
    for file in sorted(one for one in root.rglob("*") if one.is_file()):
        with file.open("rb") as opened:
            head = opened.read(64 * 1024)
        name = str(file.relative_to(root))
        claimed = {source for source in MINE if READERS[source].claims(sight(head, name))}
        expected = {TAKEN[name][0]} if folder == "3_cdr" and name in TAKEN else set()
        assert claimed == expected, name
