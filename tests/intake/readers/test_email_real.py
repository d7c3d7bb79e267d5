"""Every real mail and mailbox: taken, or refused for the right reason."""

from collections import Counter
from pathlib import Path

from callward.intake.readers.base import Reader
from callward.intake.readers.registry import reader_for
from callward.intake.reasons import Reason
from callward.intake.records import Record
from tests.intake.readers.mails import EMAIL, MBOX
from tests.intake.reading import Made, real, sight, tried

UNTIMED = {
    "flanker/bz2-attachment.eml": "no Date, no Received",
    "flanker/disposition-notification.eml": "of 1995",
    "flanker/multipart.eml": "no Date, no Received",
    "mikel_error_emails/bad_encoded_subject.eml": "no Date, no Received",
    "mikel_error_emails/invalid_subject_characters.eml": "no Date, no Received",
    "mikel_error_emails/multiple_content_types.eml": "no Date, no Received",
    "mikel_error_emails/multiple_references_with_one_invalid.eml": "no Date, no Received",
    "mikel_multi_charset/japanese.eml": "no Date, no Received",
    "mikel_rfc2822/example05.eml": "of 1997",
    "mikel_rfc6532/utf8_headers.eml": "no Date, no Received",
    **{
        f"stalwart_malformed/{number}.eml": "no Date, no Received"
        for number in ("003", "005", "007", "012", "014", "016")
    },
}
"""Files whose one mail has no time that it could be kept from."""
MAILBOXES = {
    "mbox/imaptest_default.mbox": 6,
    "mbox/imaptest_search-date.mbox": 16,
    "mbox/imaptest_sort-subject.mbox": 15,
    "mbox/imaptest_thread-orderedsubject.mbox": 15,
    "mbox/mimekit_simple.mbox.txt": 3,
}
"""How many mails a mailbox holds."""


def _files() -> dict[str, Path]:
    root = real("5_conversations", "email")
    return {str(path.relative_to(root)): path for path in sorted(root.rglob("*")) if path.is_file()}


def _made(name: str, path: Path) -> Made:
    data = path.read_bytes()
    reader: Reader = MBOX if name in MAILBOXES else EMAIL
    found = reader_for(sight(data, name))
    assert found is not None
    assert found.name == reader.name, name
    made = tried(reader, data)
    assert not isinstance(made, Reason), (name, made)
    return made


def test_every_mail_has_the_verdict_it_should_have() -> None:
    """One record a file, all mails of a mailbox; what has no time is refused for that."""
    files = _files()
    assert set(files) >= {*UNTIMED, *MAILBOXES}
    for name, path in files.items():
        verdicts = Counter(
            "taken" if isinstance(one, Record) else one.reason for one in _made(name, path)
        )
        expected = Reason.TIME_MALFORMED if name in UNTIMED else "taken"
        assert verdicts == {expected: MAILBOXES.get(name, 1)}, name


def test_nothing_else_is_claimed() -> None:
    """Of all other real data only what is a mail: one that a vCon's example was made of."""
    others = [
        path
        for folder in ("3_cdr", "4_pan", "5_conversations/chat", "6_registers")
        for path in real(folder).rglob("*")
        if path.is_file()
    ]
    claimed = set()
    for path in others:
        with path.open("rb") as file:
            seen = sight(file.read(64 * 1024), path.name)
        if EMAIL.claims(seen) or MBOX.claims(seen):
            claimed.add(path.name)
    assert claimed <= {"email_prob_followup_alice_ack.txt"}


def test_the_hardest_are_read_well() -> None:
    """Three levels of one boundary, a boundary that is not the promised one, broken Base64."""
    files = _files()
    for one in _made("mbox/mimekit_simple.mbox.txt", files["mbox/mimekit_simple.mbox.txt"]):
        assert isinstance(one, Record)
        assert one.document["texts"][0]["text"].startswith("Hello world.")
    for name, places in (
        ("mailparser/mail_malformed_3.eml", ["1.1"]),
        ("flanker/enclosed-broken-body.eml", ["1.1", "1.2.1.1", "1.2.1.1", "1.2.1.2"]),
    ):
        (one,) = _made(name, files[name])
        assert isinstance(one, Record)
        assert {text["part"] for text in one.document["texts"]} == set(places)
