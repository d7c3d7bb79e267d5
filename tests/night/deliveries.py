"""Drops of records in every format, with planted strings wherever personal data can stand.

``samples`` is also what the property test of all readers begins from: one file or
more for each reader, of which every record can be taken in.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Final

import yaml

from tests.night.canaries import ACCENTED, ADDRESSES, CORE
from tests.support import tone

CARDS: Final = (
    *("4929887654321093", "5285617398402651", "371584926038417"),
    *("6011738465920178", "2720993847561028", "6759649826438453"),
)
"""Card numbers of several schemes; the last digit is put right below."""
SECRET: Final = "Zwibelfisch7"
"""What every planted credential holds; it is not even to be in the vault."""
IP, IPV6 = ADDRESSES
MAIL: Final = f"{CORE.lower()}.customer@mail.example"
PHONE: Final = "+447700900777"
LINE: Final = "+442079460777"
NAME: Final = f"{ACCENTED} {CORE}"


def pan(number: int) -> str:
    """The ``number``th of the cards, Luhn-valid."""
    body = CARDS[number % len(CARDS)][:-1]
    doubled = [int(d) * (2 - n % 2) for n, d in enumerate(reversed(body))]
    return f"{body}{-sum(d // 10 + d % 10 for d in doubled) % 10}"


def spaced(number: int, gap: str = " ") -> str:
    """The same in groups of four."""
    digits = pan(number)
    return gap.join(digits[n : n + 4] for n in range(0, len(digits), 4))


PANS: Final = tuple(
    dict.fromkeys(
        form
        for n in range(len(CARDS))
        for form in (
            *(pan(n), spaced(n), spaced(n, "-"), spaced(n, ".")),
            *(pan(n)[:9], spaced(n)[:9], spaced(n)[10:19]),
        )
    )
)
"""What of the cards must be nowhere: whole numbers in any dress, and more than six digits."""


CODES: Final = ("expiry 09/29", "cvv 719", ";09/29;", ";719")
"""Expiry dates and security codes as they stand beside the numbers."""


def masked_form(number: str) -> re.Pattern[bytes]:
    """The first six digits, something that is none, and the last four."""
    first, last = r"\D?".join(number[:6]), r"\D?".join(number[-4:])
    return re.compile(rf"{first}\D{{1,40}}{last}".encode())  # bytes: a mark is three


@dataclass(frozen=True)
class Sample:
    """Files of one format, and the mapping of the instruction they are read by."""

    files: Mapping[str, bytes]
    kinds: frozenset[str]
    mapping: str = ""
    cards: bool = True
    """Whether there is a card number in it."""


@dataclass(frozen=True)
class _Moment:
    at: datetime = field()

    def iso(self, minutes: float = 0) -> str:
        return (self.at + timedelta(minutes=minutes)).isoformat()

    def z(self, minutes: float = 0) -> str:
        return f"{self.at + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"

    def plain(self, minutes: float = 0) -> str:
        return f"{self.at + timedelta(minutes=minutes):%Y-%m-%d %H:%M:%S}"


MAPPINGS: Final[dict[str, Any]] = {
    "texts": {
        "format": "csv",
        "kind": "sms",
        "columns": {
            "external_id": "Message Id",
            "started_at": "Sent",
            "from": "From",
            "to": "To",
            "text": "Body",
        },
    },
    "chats": {
        "format": "json",
        "kind": "chat",
        "records": "chats",
        "messages": "messages",
        "columns": {
            "external_id": "id",
            "started_at": "opened",
            "name": "visitor",
            "ip": "ip",
            "message_from": "who",
            "message_text": "what",
            "message_at": "when",
        },
    },
    "roster": {
        "format": "csv",
        "kind": "agent-account",
        "columns": {"external_id": "Login", "name": "Name", "email": "Email", "left_on": "Left"},
    },
}
"""Of the controller's instruction."""


def with_mappings(instruction: Path) -> None:
    """Add the mappings to a controller's instruction."""
    text = instruction.read_text(encoding="utf-8")
    instruction.write_text(f"{text}{yaml.safe_dump({'mappings': MAPPINGS})}", encoding="utf-8")


def samples(now: datetime) -> dict[str, list[Sample]]:
    """By reader: what it is given, of the hour before ``now``."""
    at = _Moment((now - timedelta(hours=1)).replace(microsecond=0))
    return {
        "callward-records": [Sample({f"{CORE}.jsonl": _lines(at)}, frozenset(_KINDS))],
        "mapped": [
            Sample({"texts.csv": _texts(at)}, frozenset({"sms"}), "texts"),
            Sample({"chats.json": _chats(at)}, frozenset({"chat"}), "chats"),
        ],
        "twilio": [Sample({"twilio.json": _twilio(at)}, frozenset({"call", "sms"}))],
        "amazon-connect": [Sample({"ctr.json": _connect(at)}, frozenset({"call"}))],
        "genesys-cloud": [Sample({"conversation.json": _genesys(at)}, frozenset({"call"}))],
        "asterisk-cdr": [Sample({"Master.csv": _asterisk(at)}, frozenset({"call"}))],
        "freeswitch-csv": [Sample({"cdr.csv": _freeswitch_rows(at)}, frozenset({"call"}))],
        "freeswitch-json": [Sample({"cdr.json": _freeswitch(at)}, frozenset({"call"}))],
        "3cx-cdr": [Sample({"cdr.log": _threecx(at)}, frozenset({"call"}))],
        "siprec": [Sample({"siprec.xml": _siprec(at)}, frozenset({"call"}), cards=False)],
        "email": [Sample({f"{NAME}.eml": _email(at)}, frozenset({"email"}))],
        "mbox": [Sample({f"{NAME}.mbox": _mbox(at)}, frozenset({"email"}))],
        "vcon": [
            Sample({f"{NAME}.vcon": _vcon(at)}, frozenset({"call", "recording", "transcript"}))
        ],
    }


_KINDS: Final = (
    *("contact", "technical", "agent-account", "call", "sms", "email", "chat", "social"),
    *("note", "transaction", "transcript"),
)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _said(*texts: str) -> list[dict[str, str]]:
    return [{"text": text, "from": NAME} for text in texts]


def _record(kind: str, at: _Moment, **more: Any) -> dict[str, Any]:
    people = [
        {"role": "participant", "text": PHONE},
        {"role": "participant", "text": MAIL},
        {"role": "agent", "text": f"{CORE}.agent"},
    ]
    return {
        "kind": kind,
        "external_id": f"{CORE}-{kind}",
        "started_at": at.iso(),
        "people": people,
        "conversation": f"{CORE}-conversation",
        "name": NAME,
        **more,
    }


def _lines(at: _Moment) -> bytes:
    """One record of each kind that can come as a line."""
    attachment = f"{NAME} asked to be charged on {spaced(4)} expiry 09/29 cvv 719".encode()
    records = [
        _record("contact", at, email=MAIL, phone=PHONE, note=f"pays with {spaced(0)}"),
        _record("technical", at, user_agent=f"Browser of {CORE}")
        | {"people": [{"role": "address", "text": IP}, {"role": "address", "text": IPV6}]},
        _record("agent-account", at, login=f"{CORE}.agent", active=True),
        _record("call", at, ended_at=at.iso(4), caller=PHONE, called=LINE, card=pan(1)),
        _record("sms", at, texts=_said(f"{NAME}: my card is {pan(0)}")),
        _record(
            "email",
            at,
            texts=_said(f"Charge {spaced(1, '-')} please, {NAME}"),
            attachments=[
                {
                    "name": f"{NAME}.txt",
                    "media_type": "text/plain",
                    "data": base64.b64encode(attachment).decode(),
                }
            ],
        ),
        # The number comes in two messages.
        _record("chat", at, texts=_said(spaced(0)[:9], spaced(0)[10:], f"from {IP}, {NAME}")),
        _record("social", at, texts=_said(f"@{CORE} {spaced(2)}")),
        _record("note", at, texts=_said(f"{NAME} rang from {PHONE}, card {spaced(3, '.')}")),
        _record("transaction", at, amount="12.50", paid_with=spaced(5)),
        _record("transcript", at, of=f"{CORE}-recording", texts=_said(f"it is {spaced(2)}")),
    ]
    return b"".join(_json(one) + b"\n" for one in records)


def _texts(at: _Moment) -> bytes:
    return (
        "Message Id,Sent,From,To,Body\n"
        f'{CORE}-1,{at.iso()},{PHONE},{LINE},"{NAME} here, use {spaced(0)}"\n'
        f'{CORE}-2,{at.iso()},{PHONE},{LINE},"=cmd|{CORE}, or {pan(3)}"\n'
    ).encode()


def _chats(at: _Moment) -> bytes:
    messages = [
        {"who": NAME, "what": f"Hello, {NAME} at {MAIL}", "when": at.iso()},
        {"who": "agent", "what": "Your card number?", "when": at.iso(1)},
        {"who": NAME, "what": spaced(1), "when": at.iso(2)},
    ]
    chat = {"id": f"{CORE}-chat", "opened": at.iso(), "visitor": NAME, "ip": IP}
    return _json({"chats": [{**chat, "messages": messages}]})


def _twilio(at: _Moment) -> bytes:
    common = {
        "account_sid": "AC" + "0" * 32,
        "date_created": at.z(),
        "date_updated": at.z(3),
        "from": PHONE,
        "to": LINE,
        "direction": "inbound",
    }
    call = {"sid": "CA" + "7" * 32, "start_time": at.z(), "end_time": at.z(2), "duration": "120"}
    message = {"sid": "SM" + "7" * 32, "date_sent": at.z(), "num_media": "0"}
    body = f"{NAME}: charge {pan(5)}"
    return _json([{**common, **call, "caller_name": NAME}, {**common, **message, "body": body}])


def _connect(at: _Moment) -> bytes:
    return _json(
        {
            "AWSContactTraceRecordFormatVersion": "2017-03-10",
            "ContactId": "12345678-1234-1234-1234-123456789012",
            "Channel": "VOICE",
            "InitiationMethod": "INBOUND",
            "InitiationTimestamp": at.z(),
            "DisconnectTimestamp": at.z(3),
            "LastUpdateTimestamp": at.z(4),
            "CustomerEndpoint": {"Type": "TELEPHONE_NUMBER", "Address": PHONE},
            "SystemEndpoint": {"Type": "TELEPHONE_NUMBER", "Address": LINE},
            "Agent": {"Username": f"{CORE}.agent", "ARN": f"arn:aws:connect:{CORE}"},
            "Attributes": {"customer": NAME, "card": spaced(0)},
        }
    )


def _genesys(at: _Moment) -> bytes:
    session = {
        "mediaType": "voice",
        "direction": "inbound",
        "ani": f"tel:{PHONE}",
        "dnis": f"tel:{LINE}",
        "remoteNameDisplayable": NAME,
        "segments": [{"segmentStart": at.z(), "segmentEnd": at.z(3), "segmentType": "interact"}],
    }
    participant = {
        "participantId": f"{CORE}-participant",
        "participantName": NAME,
        "purpose": "customer",
        "attributes": {"paid with": pan(1)},
        "sessions": [session],
    }
    return _json(
        {
            "conversationId": "87654321-1234-1234-1234-123456789012",
            "conversationStart": at.z(),
            "conversationEnd": at.z(3),
            "originatingDirection": "inbound",
            "participants": [participant],
        }
    )


def _asterisk(at: _Moment) -> bytes:
    cells = (
        *(f"{CORE}", PHONE, LINE, "from-trunk", f'""{NAME}"" <{PHONE}>', f"PJSIP/{CORE}-1"),
        *("PJSIP/100-2", "Dial", f"PJSIP/100,{CORE}", at.plain(), at.plain(0.1), at.plain(3)),
        *("180", "174", "ANSWERED", "DOCUMENTATION", "1704067200.77", f"card {spaced(2)}"),
    )
    return (",".join(f'"{cell}"' for cell in cells) + "\n").encode()


def _freeswitch_rows(at: _Moment) -> bytes:
    cells = (
        *(NAME, PHONE, LINE, "public", at.plain(), at.plain(0.1), at.plain(3), "180", "174"),
        *("NORMAL_CLEARING", "77777777-1234-1234-1234-123456789012", ""),
        *(spaced(3), "PCMU", "PCMU"),
    )
    return (",".join(f'"{cell}"' for cell in cells) + "\n").encode()


def _freeswitch(at: _Moment) -> bytes:
    start, end = int(at.at.timestamp()), int(at.at.timestamp()) + 180
    profile = {
        "username": f"{CORE}",
        "caller_id_name": NAME,
        "caller_id_number": PHONE,
        "destination_number": LINE,
        "network_addr": IP,
        "uuid": "66666666-1234-1234-1234-123456789012",
        "context": "public",
        "chan_name": f"sofia/external/{CORE}@{IP}",
    }
    times = {
        "created_time": f"{start}000000",
        "answered_time": f"{start + 5}000000",
        "hangup_time": f"{end}000000",
    }
    variables = {
        "uuid": profile["uuid"],
        "direction": "inbound",
        "sip_from_uri": f"{CORE}@{IP}",
        "sip_user_agent": f"Phone of {CORE}",
        "start_epoch": str(start),
        "answer_epoch": str(start + 5),
        "end_epoch": str(end),
        "start_uepoch": f"{start}000000",
        "end_uepoch": f"{end}000000",
        "duration": "180",
        "billsec": "175",
        "hangup_cause": "NORMAL_CLEARING",
        "paid_with": spaced(4),
    }
    return _json(
        {
            "core-uuid": "55555555-1234-1234-1234-123456789012",
            "switchname": "switch",
            "channel_data": {"state": "CS_REPORTING", "direction": "inbound"},
            "variables": variables,
            "app_log": {"applications": [{"app_name": "bridge", "app_data": f"user/{CORE}"}]},
            "callflow": [
                {"dialplan": "XML", "profile_index": "1", "caller_profile": profile, "times": times}
            ],
        }
    )


def _threecx(at: _Moment) -> bytes:
    form = "%Y/%m/%d %H:%M:%S"
    start, end = at.at.strftime(form), (at.at + timedelta(minutes=3)).strftime(form)
    cells = (
        *("288831", "4cc2c72490010000_26808", "00:03:00", start, start, end, "TerminatedBySrc"),
        *(f"{CORE}", "Ext.100", PHONE, "100", LINE, f"card {spaced(5)}", LINE, "100"),
        *("default", "1", "0.43", "default", f"Chain: {PHONE};Ext.100;"),
        *("Line", "Extension", "Line", NAME, NAME, NAME, ""),
    )
    return ("Call " + ",".join(cells) + "\r\n").encode()


def _siprec(at: _Moment) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<recording xmlns="urn:ietf:params:xml:ns:recording:1">\n'
        "<datamode>complete</datamode>\n"
        '<session session_id="hVpd7YQgRW2nD22h7q60JQ==">'
        f"<start-time>{at.z()}</start-time><end-time>{at.z(3)}</end-time></session>\n"
        '<participant participant_id="srfBElmCRp2QB23b7Mpk0w==">'
        f'<nameID aor="sip:{CORE}@{IP}"><name xml:lang="en">{NAME}</name></nameID></participant>\n'
        '<participant participant_id="zSfPoSvdSDCmU3A3TRDxAw==">'
        f'<nameID aor="tel:{PHONE}"><name>{CORE} two</name></nameID></participant>\n'
        '<stream stream_id="UAAMm5GRQKSCMVvLyl4rFw==" session_id="hVpd7YQgRW2nD22h7q60JQ==">'
        "<label>96</label></stream>\n"
        "</recording>\n"
    ).encode()


def _message(at: _Moment, number: int) -> EmailMessage:
    message = EmailMessage()
    message["From"] = f"{NAME} <{MAIL}>"
    message["To"] = f"{CORE} Support <help@{CORE.lower()}.example>"
    message["Subject"] = f"{NAME} and card {spaced(number)}"
    message["Date"] = format_datetime(at.at)
    message["Message-ID"] = f"<{CORE}.{number}@mail.example>"
    message["Received"] = f"from {CORE} ([{IP}]) by mx.example; {format_datetime(at.at)}"
    message.set_content(f"Dear all,\n{NAME} here, {PHONE}: {pan(number + 1)}\n")
    message.add_alternative(f"<p>{NAME}: <b>{spaced(number + 2)}</b></p>", subtype="html")
    message.add_attachment(
        f"{NAME};{spaced(number + 3)};09/29;719\n".encode(),
        maintype="text",
        subtype="csv",
        filename=f"{NAME}.csv",
    )
    return message


def _email(at: _Moment) -> bytes:
    return _message(at, 0).as_bytes()


def _mbox(at: _Moment) -> bytes:
    stamp = f"{at.at:%a %b %d %H:%M:%S %Y}"
    return b"".join(
        f"From {MAIL} {stamp}\n".encode() + _message(at, number).as_bytes() + b"\n\n"
        for number in (2, 3)
    )


def _vcon(at: _Moment) -> bytes:
    sound = base64.urlsafe_b64encode(tone(pitch=610)).decode().rstrip("=")
    attached = f"{NAME} signed for {spaced(0)}"
    return _json(
        {
            "vcon": "0.3.0",
            "uuid": "01928e10-193e-8231-b9a2-279e0d16bc46",
            "created_at": at.iso(),
            "parties": [
                {"tel": f"tel:{PHONE}", "name": NAME, "mailto": f"mailto:{MAIL}"},
                {"tel": f"tel:{LINE}", "name": f"{CORE} agent", "role": "agent"},
            ],
            "dialog": [
                {
                    "type": "recording",
                    "start": at.iso(),
                    "duration": 0.5,
                    "parties": [0, 1],
                    "mediatype": "audio/x-wav",
                    "filename": f"{NAME}.wav",
                    "encoding": "base64url",
                    "body": sound,
                },
                {
                    "type": "text",
                    "start": at.iso(1),
                    "parties": [0],
                    "mediatype": "text/plain",
                    "encoding": "none",
                    "body": f"{NAME} pays with {pan(2)}",
                },
            ],
            "analysis": [
                {
                    "type": "transcript",
                    "dialog": 0,
                    "vendor": "a vendor",
                    "mediatype": "text/plain",
                    "encoding": "none",
                    "body": f"{NAME} said {spaced(3)}",
                }
            ],
            "attachments": [
                {
                    "purpose": "form",
                    "start": at.iso(1),
                    "party": 0,
                    "mediatype": "text/plain",
                    "encoding": "none",
                    "body": attached,
                }
            ],
        }
    )


def refusals(at: datetime) -> dict[str, tuple[dict[str, bytes], str]]:
    """Drops of which nothing is taken in: files and mapping."""
    roster = (
        "Login,Name,Email,Password,Left\n"
        f"{CORE}.one,{NAME},{MAIL},{SECRET},\n"
        f"{CORE}.two,{NAME},{MAIL},pw{SECRET},\n"
    ).encode()
    account = _record("agent-account", _Moment(at), credentials={"password": SECRET})
    return {
        "roster": ({"roster.csv": roster}, "roster"),
        "accounts": ({f"{NAME}.jsonl": _json(account) + b"\n"}, ""),
        "unknown": ({f"{NAME}.txt": f"{NAME} {PHONE} {spaced(0)}".encode()}, ""),
        "broken": (
            {
                "a.jsonl": f'{{"kind": "sms", "external_id": "{CORE}", "started_at": "then"}}\n'
                f'{{"kind": "sms", "external_id": "{CORE} {pan(1)}\n'.encode(),
                "b.vcon": f'{{"vcon": "0.0.1", "parties": [{{"name": "{NAME}"'.encode(),
                "c.eml": f"Subject: {NAME}\n\n{spaced(2)}".encode(),
            },
            "",
        ),
    }


def plant_records(landing: Path, now: datetime) -> None:
    """Put a drop of every format, and some to be refused, into a controller's folder."""
    for reader, found in samples(now).items():
        for number, sample in enumerate(found):
            told = {"source": reader, "mapping": sample.mapping} if sample.mapping else {}
            _drop(landing / f"{reader} {number} of {CORE} 07700900777", sample.files, told)
    for name, (files, mapping) in refusals(now - timedelta(hours=2)).items():
        told = {"source": "mapped", "mapping": mapping} if mapping else {}
        _drop(landing / f"{name} of {CORE}", files, told)
    _drop(landing / f"drop.json of {CORE}", {"a.csv": CORE.encode()}, {"source": CORE})


def plant_late(landing: Path, now: datetime) -> None:
    """One more drop, that a broken night is to meet."""
    late = _record("sms", _Moment(now), texts=_said(f"{NAME} late: {pan(0)}"))
    _drop(landing / f"late of {CORE}", {f"{CORE}.jsonl": _json(late) + b"\n"}, {})


def _drop(folder: Path, files: Mapping[str, bytes], told: Mapping[str, str]) -> None:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "drop.json").write_bytes(_json(dict(told)))
