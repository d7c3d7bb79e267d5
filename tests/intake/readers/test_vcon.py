"""vCons of every version: what is made of them, and why some are refused."""

import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from jsonschema import Draft7Validator

from callward.intake.readers.registry import READERS, reader_for
from callward.intake.readers.vcon import VconReader
from callward.intake.reasons import Reason
from callward.intake.records import Record, Refused
from tests.intake.readers.vcons import OTHER, UUID, VERSIONS, WAVE, b64, call, recorded, thread
from tests.intake.reading import dumped, parties, read, real, require_sound, sight

READER = VconReader()
SUM = hashlib.sha512(WAVE)


def records(value: Any) -> list[Record]:
    """All records of a vCon none of which is refused."""
    made = read(READER, dumped(value))
    for one in made:
        require_sound(one, READER)
    assert not [one.reason for one in made if isinstance(one, Refused)]
    return [one for one in made if isinstance(one, Record)]


def first(value: Any) -> Record:
    """The conversation's own record."""
    return records(value)[0]


def refused(value: Any) -> Reason:
    """Why a vCon as a whole is refused."""
    (made,) = read(READER, dumped(value))
    assert isinstance(made, Refused)
    return made.reason


@pytest.mark.parametrize("version", VERSIONS)
def test_a_recorded_call_of_every_version_becomes_the_same_three_records(
    version: str | None,
) -> None:
    """Whatever a version calls its members, the records are alike, raw apart."""
    main, recording, transcript = records(call(version))
    assert [main.kind, recording.kind, transcript.kind] == ["call", "recording", "transcript"]
    assert main.external_id == UUID
    assert recording.external_id == transcript.of == f"{UUID}/dialog/0"
    assert {one.conversation for one in (main, recording, transcript)} == {UUID}
    assert main.revision == datetime(2026, 5, 4, 10, 15, tzinfo=UTC)
    assert recording.started_at == datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
    assert (recording.ended_at - recording.started_at).total_seconds() == 62.5
    assert main.direction == "inbound"
    (audio,) = recording.parts
    assert (audio.kind, audio.data, audio.media_type) == ("recording", WAVE, "audio/x-wav")
    (note,) = main.parts
    assert (note.kind, note.data, note.name) == (
        "attachment",
        b"Leave it with next door.",
        "note.txt",
    )
    assert [text["text"] for text in transcript.document["texts"]] == [
        "Where is it?",
        "On its way.",
    ]


def test_the_made_up_0_0_1_is_valid_by_the_published_schema() -> None:
    """What the tests read is what the format's definition allows."""
    schema = json.loads(real("3_cdr", "vcon", "vcon-0.0.1.schema.json").read_text())
    Draft7Validator(schema).validate(call("0.0.1"))


def test_nobody_is_lost() -> None:
    """Customers are found by number and name, agents as agents, an agent's number as a number."""
    assert parties(first(call())) == {
        ("caller", "+441632960001"),
        ("participant", "Cass Tomer"),
        ("called", "201"),
        ("agent", "ada@acorn.example"),
        ("agent", "Ada Gent"),
    }


@pytest.mark.parametrize(
    ("party", "expected"),
    [
        ({"tel": "tel:+441632960003"}, {("participant", "+441632960003")}),
        ({"mailto": "mailto:x@y.example?subject=Hi"}, {("participant", "x@y.example")}),
        ({"sip": "sip:x@y.example"}, {("participant", "sip:x@y.example")}),
        ({"email": "x@y.example"}, {("participant", "x@y.example")}),
        ({"meta": {"role": "agent"}, "name": "Bo"}, {("agent", "Bo")}),
        ({"role": "supervisor", "uuid": OTHER}, {("agent", OTHER)}),
        ({}, set()),
        (None, set()),
    ],
)
def test_a_party_that_is_in_no_dialog_took_part(party: Any, expected: set[tuple[str, str]]) -> None:
    """Schemes are taken off; older writers' role in ``meta`` counts; placeholders are nobody."""
    made = first(call(dialog=[], analysis=[], parties=[party]))
    assert parties(made) == expected


def test_raw_repeats_nothing_that_is_elsewhere() -> None:
    """Inline bodies are replaced by their size; what else was delivered is there."""
    value = call(custom={"any": ["thing"]})
    for record in records(value):
        assert b64(WAVE) not in json.dumps(record.document)
    raw = first(value).document["raw"]
    assert raw["dialog"][0]["body"] == {"bytes": len(WAVE), "mediatype": "audio/x-wav"}
    assert "Leave it" not in json.dumps(raw)
    assert "Where is it?" not in json.dumps(raw)
    assert raw["analysis"][1]["body"] == "Late."
    assert raw["custom"] == {"any": ["thing"]}
    assert raw["parties"] == value["parties"]


def test_an_uninvolved_list_is_left_out_of_raw_as_it_was_of_the_vcon() -> None:
    """Nothing is added to the record as delivered."""
    value = thread({})
    assert first(value).document["raw"].keys() == value.keys()


def test_media_by_url_leaves_the_metadata_and_says_so() -> None:
    """Nothing is fetched; the address stays in raw."""
    value = recorded(body=None, encoding=None, url="https://media.example/call.wav")
    main, transcript = records(value)
    assert main.without == (Reason.MEDIA_BY_URL,)
    assert main.document["raw"]["dialog"][0]["url"] == "https://media.example/call.wav"
    assert transcript.of == f"{UUID}/dialog/0"


@pytest.mark.parametrize("where", ["attachments", "analysis"])
def test_attachments_and_analyses_by_url_are_told_too(where: str) -> None:
    """The same rule for everything that can be named by address."""
    by_url = {"type": "transcript", "vendor": "a", "dialog": 0, "url": "https://x.example/1"}
    assert first(thread({}, **{where: [by_url]})).without == (Reason.MEDIA_BY_URL,)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"body": "!!!!"}, Reason.MEDIA_UNREADABLE),
        ({"body": base64.b64encode(b"\xff\xfe\xfd").decode()}, Reason.MEDIA_UNREADABLE),
        ({"body": "QUJD\n"}, Reason.MEDIA_UNREADABLE),
        ({"body": "QUJDR"}, Reason.MEDIA_UNREADABLE),
        ({"body": "QUJD===="}, Reason.MEDIA_UNREADABLE),
        ({"body": ["QUJD"]}, Reason.MEDIA_UNREADABLE),
        ({"encoding": "none"}, Reason.MEDIA_UNREADABLE),
        ({"encoding": "base64"}, Reason.MEDIA_UNREADABLE),
        ({"encoding": 7}, Reason.MEDIA_UNREADABLE),
        ({"content_hash": "sha512-" + b64(bytes(64))}, Reason.DIGEST_MISMATCH),
        ({"content_hash": "sha256-" + b64(bytes(32))}, Reason.DIGEST_MISMATCH),
        ({"content_hash": [f"sha512-{b64(SUM.digest())}", "0" * 64]}, Reason.DIGEST_MISMATCH),
        ({"content_hash": "sha512-abc"}, Reason.DIGEST_MALFORMED),
        ({"content_hash": 7}, Reason.DIGEST_MALFORMED),
        (
            {"content_hash": None, "alg": "SHA-256", "signature": b64(bytes(32))},
            Reason.DIGEST_MISMATCH,
        ),
    ],
)
def test_a_recording_that_cannot_be_taken_is_refused_alone(
    changes: dict[str, Any], reason: Reason
) -> None:
    """The conversation is taken without it, says why, and nothing of it is lost."""
    value = recorded(**changes)
    main, bad, transcript = read(READER, dumped(value))
    assert isinstance(main, Record)
    assert isinstance(bad, Refused)
    assert isinstance(transcript, Record)
    assert (bad.reason, bad.kind, main.without) == (reason, "recording", (reason,))
    assert bad.raw["dialog"] == value["dialog"][0]


@pytest.mark.parametrize(
    "changes",
    [
        {"content_hash": "sha512-" + b64(SUM.digest())},
        {"content_hash": "SHA-512:" + SUM.hexdigest()},
        {"content_hash": SUM.hexdigest()},
        {"content_hash": ["md5-abc", "sha256-" + b64(hashlib.sha256(WAVE).digest()) + "="]},
        {"content_hash": hashlib.sha256(b64(WAVE).encode()).hexdigest()},
        {"content_hash": None, "alg": "sha256", "signature": b64(hashlib.sha256(WAVE).digest())},
        {"content_hash": None},
        {"encoding": None},
        {"encoding": None, "mediatype": None},
        {"body": b64(WAVE) + "=" * (-len(b64(WAVE)) % 4)},
    ],
)
def test_hashes_are_understood_in_every_dress(changes: dict[str, Any]) -> None:
    """Either name, base64url or hexadecimal, of the content or of the body as written."""
    assert records(recorded(**changes))[1].parts[0].data == WAVE


@pytest.mark.parametrize(
    "mark",
    [
        {"application": "Voicemail"},
        {"interaction_type": "voice-mail"},
        {"meta": {"disposition": "VOICEMAIL"}},
        {"voicemail": True},
    ],
)
def test_a_recording_marked_as_voicemail_is_one(mark: dict[str, Any]) -> None:
    """No draft has a member for it, so every usual place is looked at."""
    made = records(recorded(**mark))[1]
    assert (made.kind, made.parts[0].kind) == ("voicemail", "voicemail")


@pytest.mark.parametrize(
    ("dialog", "changes", "kind"),
    [
        ({}, {}, "sms"),
        ({"application": "whatsapp"}, {}, "social"),
        ({"application": "Acme Web Chat"}, {}, "chat"),
        ({"meta": {"channel": "SMS"}}, {"parties": [{}, {}]}, "sms"),
        ({"mediatype": 'multipart/mixed;\n boundary="b"'}, {}, "email"),
        ({"message_id": "<1@mail.example>"}, {"parties": [{}, {}]}, "email"),
        ({}, {"parties": [{"mailto": "a@b.c"}, {"mailto": "d@e.f"}], "subject": "Hi"}, "email"),
        ({}, {"parties": [{"mailto": "a@b.c"}, {"mailto": "d@e.f"}]}, "chat"),
        ({}, {"parties": [{"name": "A"}, {"name": "B"}]}, "chat"),
    ],
)
def test_a_vcon_of_texts_is_what_it_says_it_is(
    dialog: dict[str, Any], changes: dict[str, Any], kind: str
) -> None:
    """By application, else by what mail and text messages have."""
    made = first(thread(dialog, **changes))
    assert made.kind == kind
    assert "caller" not in {role for role, _ in parties(made)}


@pytest.mark.parametrize(
    "dialog",
    [
        {"type": "incomplete", "disposition": "no-answer", "body": None},
        {"type": "transfer", "parties": None, "transferee": 0, "transferor": 1, "original": -1},
        {"type": "recording-set", "recordings": [0]},
    ],
)
def test_whatever_is_no_text_makes_a_call(dialog: dict[str, Any]) -> None:
    """Attempts and transfers are metadata of calls."""
    assert first(thread({}, dialog)).kind == "call"


def test_texts_come_in_the_order_they_were_said() -> None:
    """Dialogs are in the order they were added; a number over several is found in order."""
    made = first(
        thread(
            {"start": "2026-05-04T10:00:02Z", "body": "1111", "parties": [1, 0]},
            {
                "start": "2026-05-04T10:00:01Z",
                "body": b64("4111 é".encode()),
                "encoding": "base64url",
            },
        )
    )
    assert [(one["text"], one["from"]) for one in made.document["texts"]] == [
        ("4111 é", "+441632960001"),
        ("1111", "+441632960002"),
    ]
    assert ("sender", "+441632960002") in parties(made)
    assert ("recipient", "+441632960002") in parties(made)


def test_a_picture_sent_in_a_chat_is_an_attachment() -> None:
    """What is no text and no recording is a part of the conversation."""
    picture = {"mediatype": "image/png", "encoding": "base64url", "body": b64(b"\x89PNG")}
    assert first(thread({}, picture)).parts[0].data == b"\x89PNG"


def test_mails_are_opened_so_that_nothing_hides_in_them() -> None:
    """What is encoded for transfer is read; what is attached is a part; HTML is seen as text."""
    lines = [
        "--b",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: base64",
        "",
        base64.b64encode("It costs £5".encode()).decode(),
        "--b",
        "Content-Type: image/png; name=x.png",
        "Content-Transfer-Encoding: base64",
        "",
        base64.b64encode(b"\x89PNG").decode(),
        "--b--",
        "",
    ]
    mime = {"mediatype": 'multipart/mixed;\n boundary="b"', "body": "\r\n".join(lines)}
    markup = {"mediatype": "text/html", "body": "<p>Dear <b>C</b>ass é</p>"}
    made = first(thread(mime, markup))
    assert [one["text"].strip() for one in made.document["texts"]] == ["It costs £5", "Dear Cass é"]
    (picture,) = made.parts
    assert (picture.data, picture.media_type) == (b"\x89PNG", "image/png")
    assert made.document["texts"][0]["from"] == "+441632960001"


def test_keys_pressed_are_one_text_and_not_left_in_raw() -> None:
    """A card number keyed in, one digit an event, has to be found."""
    pressed = [
        {"party": 0, "time": "2026-05-04T09:00:01Z", "event": event, "button": digit}
        for digit in "4111"
        for event in ("keydown", "keyup")
    ]
    main, recording, _ = records(recorded(party_history=pressed))
    assert [one["text"] for one in main.document["texts"]] == ["4111"]
    for made in (main, recording):
        assert '"button": "4"' not in json.dumps(made.document)
        assert '"button": "1"' not in json.dumps(made.document)


def test_json_bodies_are_taken_as_values_and_as_strings() -> None:
    """A string up to 0.3.0, the value itself since."""
    for body in ({"a": 1}, '{"a": 1}'):
        attached = {"encoding": "json", "body": body, "mediatype": "application/json"}
        assert json.loads(first(thread({}, attachments=[attached])).parts[0].data) == {"a": 1}


TRANSCRIPTS: dict[str, Any] = {
    "plain": "Where is it? On its way.",
    "turns": [{"speaker": "A", "text": "Where is it?"}, {"party": 1, "text": "On its way."}],
    "whisper": {
        "text": "Where is it? On its way.",
        "language": "en",
        "segments": [
            {"start": 0.0, "text": "Where is it?"},
            {"start": 2.0, "text": "On its way."},
        ],
    },
    "wtf": {
        "transcript": {"text": "Where is it? On its way.", "language": "en"},
        "segments": [{"id": 0, "text": "Where is it?"}, {"id": 1, "text": "On its way."}],
        "words": [{"text": "Where"}, {"text": "is"}],
    },
    "deepgram": {
        "metadata": {"model": "nova"},
        "results": {
            "channels": [
                {
                    "alternatives": [
                        {
                            "transcript": "Where is it? On its way.",
                            "words": [{"word": "where"}],
                            "paragraphs": {
                                "paragraphs": [
                                    {"speaker": 0, "sentences": [{"text": "Where is it?"}]},
                                    {"speaker": 1, "sentences": [{"text": "On its way."}]},
                                ]
                            },
                        }
                    ]
                }
            ]
        },
    },
    "unknown": {"lines": {"1": "Where is it?", "2": ["On its way."]}},
}


@pytest.mark.parametrize("name", TRANSCRIPTS)
@pytest.mark.parametrize("as_string", [False, True])
def test_transcripts_are_made_out_in_many_formats(name: str, *, as_string: bool) -> None:
    """What was said is in ``texts``, and no word of it in what is left of the body."""
    body = TRANSCRIPTS[name]
    if as_string and not isinstance(body, str):
        body = json.dumps(body)
    analysis = {"type": "transcript", "dialog": 0, "vendor": "x", "encoding": "json", "body": body}
    made = records(call(analysis=[analysis]))[2]
    said = [one["text"] for one in made.document["texts"]]
    assert " ".join(said) == "Where is it? On its way."
    assert "here is it" not in json.dumps(made.document["raw"])
    assert "where" not in json.dumps(made.document["raw"])


def test_when_and_by_whom_it_was_said_is_kept() -> None:
    """Seconds into the dialog become a time, a party's number a name."""
    turns = [{"parties": [1], "start": 2, "text": "On its way."}]
    analysis = {"type": "transcript", "dialog": [0], "vendor": "x", "body": turns}
    made = records(call(analysis=[analysis]))[2]
    (said,) = made.document["texts"]
    assert said["from"] == "Ada Gent"
    assert datetime.fromisoformat(said["at"]) == datetime(2026, 5, 4, 9, 0, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "kind", ["transcript", "transcript-redacted", "wtf_transcription", "translation", "info"]
)
def test_what_holds_the_words_is_kept_as_a_transcript(kind: str) -> None:
    """Also under another type: a transcript must not outlive its recording as metadata."""
    analysis = {"type": kind, "dialog": 0, "vendor": "x", "body": TRANSCRIPTS["turns"]}
    assert records(call(analysis=[analysis]))[2].kind == "transcript"


@pytest.mark.parametrize("kind", ["summary", "sentiment", "report"])
def test_other_analyses_stay_in_the_conversation(kind: str) -> None:
    """Nothing is made of them."""
    analysis = {"type": kind, "dialog": 0, "vendor": "x", "encoding": "json", "body": {"score": 1}}
    main, *rest = records(call(analysis=[analysis]))
    assert [one.kind for one in rest] == ["recording"]
    assert main.document["raw"]["analysis"] == [analysis]


def test_a_transcript_of_a_dialog_that_is_not_there_is_refused_alone() -> None:
    """It contradicts itself; the rest is taken."""
    analysis = {"type": "transcript", "dialog": 7, "vendor": "x", "body": "Hello"}
    main, recording, bad = read(READER, dumped(call(analysis=[analysis])))
    assert isinstance(main, Record)
    assert isinstance(recording, Record)
    assert isinstance(bad, Refused)
    assert (bad.reason, bad.kind) == (Reason.RECORD_MALFORMED, "transcript")


@pytest.mark.parametrize("name", ["redacted", "amended", "appended"])
def test_a_version_made_of_another_belongs_to_its_conversation(name: str) -> None:
    """It keeps an id of its own; what it says of its origin stays in raw."""
    origin: Any = {"uuid": OTHER, "type": "PII"}
    made = first({**call(), name: origin})
    assert (made.external_id, made.conversation) == (UUID, OTHER)
    assert made.document["raw"][name] == origin


def test_vcons_inside_others_are_read_like_those_beside_them() -> None:
    """Recordings do not hide in the metadata of a group."""
    inner = call()
    inner["uuid"] = OTHER
    group = [
        {"uuid": OTHER, "encoding": "json", "body": inner},
        {"encoding": "json", "body": json.dumps(thread({}))},
    ]
    made = records(thread({}, group=group))
    assert [one.kind for one in made] == ["sms", "call", "recording", "transcript", "sms"]
    assert b64(WAVE) not in json.dumps(made[0].document)


def test_vcons_in_vcons_in_vcons_end() -> None:
    """So many deep nobody honest goes."""
    value = thread({})
    for _ in range(6):
        value = thread({}, group=[{"encoding": "json", "body": value}])
    made = read(READER, dumped(value))
    assert isinstance(made[-1], Refused)
    assert made[-1].reason is Reason.TOO_DEEP
    assert [one for one in made if isinstance(one, Record)]


def test_placeholders_of_what_was_redacted_keep_the_numbers_right() -> None:
    """Empty objects stand where something was."""
    value = call(attachments=[{}])
    value["dialog"].insert(0, {})
    value["analysis"][0]["dialog"] = 1
    _, recording, transcript = records(value)
    assert recording.external_id == transcript.of == f"{UUID}/dialog/1"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"vcon": "0.5.0"}, Reason.VERSION_UNSUPPORTED),
        ({"vcon": "1"}, Reason.VERSION_UNSUPPORTED),
        ({"vcon": 0.4}, Reason.VERSION_UNSUPPORTED),
        ({"critical": ["encryption"]}, Reason.EXTENSION_UNKNOWN),
        ({"must_support": ["x", "y"]}, Reason.EXTENSION_UNKNOWN),
        ({"critical": "x"}, Reason.RECORD_MALFORMED),
        ({"critical": [1]}, Reason.RECORD_MALFORMED),
        ({"uuid": None}, Reason.RECORD_MALFORMED),
        ({"uuid": ""}, Reason.RECORD_MALFORMED),
        ({"uuid": "not-a-uuid"}, Reason.RECORD_MALFORMED),
        ({"uuid": 7}, Reason.RECORD_MALFORMED),
        ({"parties": None}, Reason.RECORD_MALFORMED),
        ({"parties": {}}, Reason.RECORD_MALFORMED),
        ({"parties": [1, 2]}, Reason.RECORD_MALFORMED),
        ({"parties": [{}]}, Reason.RECORD_MALFORMED),
        ({"dialog": "x"}, Reason.RECORD_MALFORMED),
        ({"analysis": {"type": "x"}}, Reason.RECORD_MALFORMED),
        ({"attachments": ["x"]}, Reason.RECORD_MALFORMED),
        ({"created_at": "yesterday"}, Reason.TIME_MALFORMED),
        ({"created_at": ""}, Reason.TIME_MALFORMED),
        ({"updated_at": 20260504}, Reason.TIME_MALFORMED),
        ({"updated_at": "2031-01-01T00:00:00Z"}, Reason.FUTURE_START),
        ({"dialog": [], "created_at": None}, Reason.TIME_MALFORMED),
    ],
)
def test_a_vcon_that_contradicts_its_definition_is_refused(
    changes: dict[str, Any], reason: Reason
) -> None:
    """In what says which version, whose and when it is; the raw record is not lost."""
    value = call(**changes)
    assert refused(value) is reason
    (made,) = read(READER, dumped(value))
    assert isinstance(made, Refused)
    assert made.raw == value


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"type": "hologram"}, Reason.RECORD_MALFORMED),
        ({"type": None}, Reason.RECORD_MALFORMED),
        ({"start": None}, Reason.TIME_MALFORMED),
        ({"start": "NOT-A-DATE"}, Reason.TIME_MALFORMED),
        ({"start": 1777885200}, Reason.TIME_MALFORMED),
        ({"start": "1969-01-01T00:00:00Z"}, Reason.TIME_MALFORMED),
        ({"start": "2031-01-01T00:00:00Z"}, Reason.FUTURE_START),
        ({"duration": -30}, Reason.NUMBER_MALFORMED),
        ({"duration": 10**300}, Reason.NUMBER_MALFORMED),
        ({"duration": "long"}, Reason.RECORD_MALFORMED),
        ({"duration": True}, Reason.RECORD_MALFORMED),
        ({"parties": [0, 5]}, Reason.RECORD_MALFORMED),
        ({"parties": [0, [1, -1]]}, Reason.RECORD_MALFORMED),
        ({"parties": ["0"]}, Reason.RECORD_MALFORMED),
        ({"parties": [[[0]]]}, Reason.RECORD_MALFORMED),
        ({"originator": 7}, Reason.RECORD_MALFORMED),
        ({"originator": [0]}, Reason.RECORD_MALFORMED),
        ({"transferee": 9}, Reason.RECORD_MALFORMED),
        ({"mediatype": "no media type!"}, Reason.RECORD_MALFORMED),
        ({"mediatype": 12345}, Reason.RECORD_MALFORMED),
        ({"url": "not-a-url"}, Reason.RECORD_MALFORMED),
        ({"url": ["https://x.example"]}, Reason.RECORD_MALFORMED),
    ],
)
def test_a_dialog_that_contradicts_its_definition_costs_its_vcon(
    changes: dict[str, Any], reason: Reason
) -> None:
    """Type, time, length, parties and place are what a record stands on."""
    assert refused(recorded(**changes)) is reason


@pytest.mark.parametrize(
    "changes",
    [
        {"parties": 0},
        {"parties": [[0], [1]]},
        {"parties": [None, 1]},
        {"parties": None},
        {"duration": 0},
        {"start": "Mon, 04 May 2026 09:00:00 -0000"},
        {"type": "audio"},
    ],
)
def test_what_definitions_and_first_writers_allow_is_taken(changes: dict[str, Any]) -> None:
    """One party, channels with several, nobody; dates as mail has them."""
    assert records(recorded(**changes))[1].started_at == datetime(2026, 5, 4, 9, 0, tzinfo=UTC)


def test_a_time_without_offset_is_in_the_zone_we_are_told() -> None:
    """London in summer."""
    made = records(recorded(start="2026-05-04T10:00:00"))[1]
    assert made.started_at == datetime(2026, 5, 4, 9, 0, tzinfo=UTC)


def test_an_encrypted_vcon_is_refused_as_such() -> None:
    """The key is not ours."""
    jwe = {"protected": "e30", "iv": "x", "ciphertext": "x", "tag": "x", "recipients": [{}]}
    assert refused(jwe) is Reason.ENCRYPTED
    assert READER.claims(sight(dumped(jwe)))


def test_lists_and_lines_are_read_one_by_one() -> None:
    """A bad one costs its neighbours nothing, whichever way they come."""
    good, bad = call(), call(uuid="")
    shapes = {
        "list": dumped([good, bad, 7, good]),
        "lines": b"\n".join([dumped(good), dumped(bad), b"7", b"", dumped(good), b""]),
        "spaced": json.dumps([good, bad, 7, good], indent=2).encode(),
    }
    for data in shapes.values():
        made = read(READER, data)
        kinds = [one.kind for one in made if isinstance(one, Record)]
        assert kinds == ["call", "recording", "transcript"] * 2
        assert len([one for one in made if isinstance(one, Refused)]) == 2


def test_a_broken_line_costs_no_other() -> None:
    """Wherever it is."""
    line = dumped(call())
    for data in (
        line + b"\n{\n" + line,
        line[:99] + b"\n" + line + b"\n" + line,
        b"\xef\xbb\xbf" + line + b"\n\xff\n" + line,
    ):
        made = read(READER, data)
        assert len([one for one in made if isinstance(one, Record)]) == 6
        assert len([one for one in made if isinstance(one, Refused)]) == 1


def test_lines_are_cut_into_slices_that_hold_them_all() -> None:
    """Many lines are many slices; the records are those of the lines."""
    line = dumped(thread({}))
    file = b"\n".join([line] * 1201)
    assert len(read(READER, file)) == 1201


@pytest.mark.parametrize("value", [b"7", b'"x"', b"null", b"{", b"\x1f\x8b\x08", b"\xff\xfe"])
def test_a_file_of_something_else_is_refused_as_a_whole(value: bytes) -> None:
    """Compressed ones too: nothing is unpacked."""
    with pytest.raises(Exception, match=r"file-malformed|encoding"):
        read(READER, value)


@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_known_by_its_content_and_by_its_name(version: str | None) -> None:
    """Among all readers; also where only its beginning is seen."""
    value = call(version)
    big = call(version, dialog=[{**value["dialog"][0], "body": "A" * 200_000}])
    for data in (dumped(value), dumped([value]), dumped(big), json.dumps(value, indent=1).encode()):
        assert reader_for(sight(data)) is READERS["vcon"]
    assert READER.claims(sight(b'{"any": 1}', "x.VCON"))
    assert not READER.claims(sight(b"PK", "x.vcon"))
    assert not READER.claims(sight(b'{"uuid": 1, "attachments": []}'))
