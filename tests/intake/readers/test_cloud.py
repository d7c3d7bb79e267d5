"""Amazon Connect, Genesys Cloud and Twilio: what becomes of each field, and of real samples."""

import json
import re
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from callward.intake.readers.amazon_connect import AmazonConnect
from callward.intake.readers.genesys import GenesysCloud
from callward.intake.readers.registry import reader_for
from callward.intake.readers.twilio import Twilio
from callward.intake.reasons import Reason
from callward.intake.records import Record, Refused
from tests.intake.readers.cloud import (
    CALL,
    CONTACT,
    CONVERSATION,
    MESSAGE,
    PLATFORM,
    RECORDING,
    TRANSCRIPTION,
)
from tests.intake.reading import dumped, one, parties, read, real, sight, tried, why


def at(hour: int, minute: int, second: int = 0) -> datetime:
    """A moment of the day on which everything in the samples happens."""
    return datetime(2026, 11, 20, hour, minute, second, tzinfo=UTC)


class TestAmazonConnect:
    """Contact records."""

    def test_an_inbound_call(self) -> None:
        """Who, when, which, how new; the recording's place is not followed."""
        record = one(AmazonConnect(), CONTACT)
        assert (record.kind, record.external_id) == ("call", CONTACT["ContactId"])
        assert (record.started_at, record.ended_at) == (at(10, 0), at(10, 8))
        assert record.direction == "inbound"
        assert parties(record) == {
            ("caller", "+447700900123"),
            ("called", "+442079460000"),
            ("participant", "+442079460111"),
            ("agent", "j.agent"),
        }
        assert record.revision == at(10, 15)
        assert record.conversation == record.external_id
        assert record.without == (Reason.MEDIA_BY_URL,)
        assert record.document == {"raw": CONTACT}

    @pytest.mark.parametrize(
        ("method", "direction"),
        [
            *(("INBOUND", "inbound"), ("WEBRTC_API", "inbound"), ("OUTBOUND", "outbound")),
            *(("EXTERNAL_OUTBOUND", "outbound"), ("CALLBACK", "outbound")),
            *(("AGENT_REPLY", "outbound"), ("MONITOR", "internal"), ("API", "none")),
            *(("TRANSFER", "none"), ("QUEUE_TRANSFER", "none"), ("DISCONNECT", "none")),
            *(("FLOW", "none"), ("SOMETHING_NEW", "none")),
        ],
    )
    def test_directions(self, method: str, direction: str) -> None:
        """By how the contact began; of a method that says nothing of it, none."""
        assert one(AmazonConnect(), {**CONTACT, "InitiationMethod": method}).direction == direction

    def test_an_outbound_call_turns_the_sides(self) -> None:
        """The customer is called."""
        record = one(AmazonConnect(), {**CONTACT, "InitiationMethod": "OUTBOUND"})
        assert {("called", "+447700900123"), ("caller", "+442079460000")} <= parties(record)

    def test_other_channels(self) -> None:
        """E-mail has senders and recipients, chat participants, a task nobody."""
        email = one(
            AmazonConnect(),
            {
                **CONTACT,
                "Channel": "EMAIL",
                "CustomerEndpoint": {"Address": "pat@example.org", "Type": "EMAIL_ADDRESS"},
                "SystemEndpoint": {"Address": "help@example.com", "Type": "EMAIL_ADDRESS"},
                "AdditionalEmailRecipients": {"CcList": [{"Address": "cc@example.org"}]},
            },
        )
        assert {
            ("sender", "pat@example.org"),
            ("recipient", "help@example.com"),
            ("recipient", "cc@example.org"),
        } <= parties(email)
        chat = one(AmazonConnect(), {**CONTACT, "Channel": "CHAT"})
        assert ("participant", "+447700900123") in parties(chat)
        task = {**CONTACT, "Channel": "TASK", "InitiationMethod": "API"}
        for name in ("CustomerEndpoint", "SystemEndpoint", "TransferredToEndpoint", "Agent"):
            task[name] = None
        assert parties(one(AmazonConnect(), task)) == set()

    def test_contacts_of_one_conversation(self) -> None:
        """A transfer and what is related are tied to the first contact."""
        first = "99999999-0000-0000-0000-000000000000"
        for name in ("InitialContactId", "RelatedContactId"):
            assert one(AmazonConnect(), {**CONTACT, name: first}).conversation == first

    def test_a_contact_that_goes_on(self) -> None:
        """It has come as far as its last update; without one, it has begun."""
        record = one(AmazonConnect(), {**CONTACT, "DisconnectTimestamp": None})
        assert record.ended_at == at(10, 15)
        bare = {name: CONTACT[name] for name in ("ContactId", "InitiationTimestamp")}
        record = one(AmazonConnect(), bare)
        assert (record.ended_at, record.revision, record.without) == (at(10, 0), None, ())

    def test_media_that_is_gone(self) -> None:
        """Of a recording that was deleted there nothing is refused here."""
        gone = {"Location": "bucket/1.wav", "Status": "DELETED"}
        record = one(AmazonConnect(), {**CONTACT, "Recording": gone, "Recordings": [gone]})
        assert record.without == ()

    def test_the_form_of_the_api(self) -> None:
        """DescribeContact and SearchContacts have other names for id and agent."""
        contact = {
            "Id": "c-1",
            "Channel": "CHAT",
            "InitiationMethod": "API",
            "InitiationTimestamp": "2026-11-20T10:00:00+00:00",
            "AgentInfo": {"Id": "agent-1"},
        }
        record = one(AmazonConnect(), {"Contact": contact})
        assert (record.external_id, parties(record)) == ("c-1", {("agent", "agent-1")})
        assert len(read(AmazonConnect(), dumped({"Contacts": [contact, contact]}))) == 2

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"ContactId": ""}, Reason.RECORD_MALFORMED),
            ({"InitiationTimestamp": "yesterday"}, Reason.TIME_MALFORMED),
            ({"InitiationTimestamp": "1970-01-01T00:00:00Z"}, Reason.TIME_MALFORMED),
            ({"DisconnectTimestamp": "2026-11-20T09:00:00Z"}, Reason.ENDED_BEFORE_START),
            ({"DisconnectTimestamp": "2027-01-01T00:00:00Z"}, Reason.FUTURE_START),
        ],
    )
    def test_what_is_refused(self, changes: dict[str, Any], reason: Reason) -> None:
        """A record without an id or a time that holds."""
        assert why(AmazonConnect(), {**CONTACT, **changes}) is reason

    def test_real_samples(self) -> None:
        """A page that quotes records is no delivery of them; the records it quotes are read."""
        page = real("3_cdr", "amazon_connect", "kyopark_ctr_samples.md").read_bytes()
        assert reader_for(sight(page, "samples.md")) is None
        assert tried(AmazonConnect(), page) is Reason.FILE_MALFORMED
        blocks = re.findall(r"```\w*\n(.*?)```", page.decode(), re.DOTALL)
        made = [read(AmazonConnect(), block.encode()) for block in blocks]
        assert [len(records) for records in made] == [1, 1, 1, 1]
        versions = [record for (record,) in made if isinstance(record, Record)]
        assert len({record.external_id for record in versions}) == 1
        assert len({record.revision for record in versions}) == 3
        assert len(read(AmazonConnect(), "".join(map(str.strip, blocks)).encode())) == 4


class TestGenesysCloud:
    """Conversations."""

    def test_an_inbound_call(self) -> None:
        """Analytics: who, when; users are agents, queues nobody."""
        record = one(GenesysCloud(), CONVERSATION)
        assert (record.kind, record.external_id) == ("call", CONVERSATION["conversationId"])
        assert (record.started_at, record.ended_at) == (at(10, 0), at(10, 8))
        assert record.direction == "inbound"
        assert parties(record) == {
            ("participant", "Pat Example"),
            ("caller", "tel:+447700900123"),
            ("called", "tel:+442079460000"),
            ("agent", "user-7"),
        }
        assert record.conversation == record.external_id
        assert record.document == {"raw": CONVERSATION}

    def test_the_platforms_form(self) -> None:
        """The other API's names for the same."""
        record = one(GenesysCloud(), PLATFORM)
        assert (record.started_at, record.ended_at) == (at(10, 0), at(10, 8))
        assert record.direction == "outbound"
        assert parties(record) == {
            ("called", "tel:+447700900123"),
            ("participant", "tel:+447700900456"),
            ("agent", "user-8"),
        }

    @pytest.mark.parametrize("page", ["conversations", "entities"])
    def test_pages(self, page: str) -> None:
        """A page around a list; what else is on it does not matter."""
        made = read(GenesysCloud(), dumped({page: [CONVERSATION, PLATFORM], "totalHits": 2}))
        assert [isinstance(record, Record) for record in made] == [True, True]
        assert tried(GenesysCloud(), dumped({page: []})) == []

    def test_a_conversation_that_goes_on(self) -> None:
        """It has come as far as its newest segment."""
        for sample, ended in ((CONVERSATION, at(10, 7, 30)), (PLATFORM, at(10, 8))):
            going = {**sample, "conversationEnd": None, "endTime": None}
            assert one(GenesysCloud(), going).ended_at == ended

    def test_an_email(self) -> None:
        """Addresses of its sessions."""
        session = {
            "mediaType": "email",
            "direction": "outbound",
            "addressFrom": "help@example.com",
            "addressTo": "pat@example.org",
            "cc": ["cc@example.org", None, 7],
        }
        customer = {"purpose": "customer", "sessions": [session]}
        record = one(
            GenesysCloud(),
            {**CONVERSATION, "originatingDirection": None, "participants": [customer]},
        )
        assert record.direction == "outbound"
        assert parties(record) == {
            ("sender", "help@example.com"),
            ("recipient", "pat@example.org"),
            ("recipient", "cc@example.org"),
            ("recipient", "7"),
        }

    def test_a_callback(self) -> None:
        """Numbers are found where the system's own participants have them, names are not."""
        session = {
            "mediaType": "callback",
            "callbackNumbers": ["+447700900789"],
            "callbackUserName": "Pat",
        }
        queue = {"purpose": "acd", "participantName": "Billing", "sessions": [session]}
        record = one(GenesysCloud(), {**CONVERSATION, "participants": [queue]})
        assert parties(record) == {("called", "+447700900789"), ("participant", "Pat")}

    def test_what_is_refused(self) -> None:
        """A conversation without an id or a beginning."""
        assert why(GenesysCloud(), {**CONVERSATION, "conversationId": 7 * [1]}) is (
            Reason.RECORD_MALFORMED
        )
        began = {**CONVERSATION, "conversationStart": None}
        assert why(GenesysCloud(), began) is Reason.TIME_MALFORMED

    def test_real_sample(self) -> None:
        """A conversation detail record, found by content."""
        data = real("3_cdr", "genesys", "blueprint_conversation1.json").read_bytes()
        found = reader_for(sight(data))
        assert found is not None
        (record,) = read(found, data)
        assert isinstance(record, Record)
        assert {role for role, _ in parties(record)} == {"participant", "agent"}


class TestTwilio:
    """Calls, recordings, messages, transcriptions."""

    def test_a_call(self) -> None:
        """RFC 2822 times; the version by its update."""
        record = one(Twilio(), CALL)
        assert (record.kind, record.external_id) == ("call", CALL["sid"])
        assert (record.started_at, record.ended_at) == (at(10, 0, 5), at(10, 8))
        assert (record.direction, record.revision) == ("outbound", at(10, 9))
        assert parties(record) == {("caller", "+442079460000"), ("called", "+447700900123")}
        assert record.conversation == CALL["sid"]
        leg = one(Twilio(), {**CALL, "parent_call_sid": "CA" + "9" * 32})
        assert leg.conversation == "CA" + "9" * 32

    def test_times_in_either_form(self) -> None:
        """RFC 2822 with any offset, "-0000", or ISO 8601: the same moment."""
        for said in (
            "Fri, 20 Nov 2026 10:00:05 +0000",
            "Fri, 20 Nov 2026 11:00:05 +0100",
            "Fri, 20 Nov 2026 10:00:05 -0000",
            "2026-11-20T10:00:05Z",
        ):
            assert one(Twilio(), {**CALL, "start_time": said}).started_at == at(10, 0, 5)
        assert why(Twilio(), {**CALL, "start_time": "Fri, soon"}) is Reason.TIME_MALFORMED

    def test_a_call_without_its_times(self) -> None:
        """Queued, it began when it was made; without an end, it lasted as long as it says."""
        queued = {**CALL, "start_time": None, "end_time": None, "duration": None}
        assert one(Twilio(), queued).ended_at == at(10, 0)
        assert one(Twilio(), {**CALL, "end_time": None}).ended_at == at(10, 8)

    @pytest.mark.parametrize(
        ("said", "direction"),
        [
            *(("inbound", "inbound"), ("outbound-api", "outbound"), ("outbound-dial", "outbound")),
            *(("outbound-reply", "outbound"), ("outbound-call", "outbound"), (None, "none")),
            *(("trunking-originating", "inbound"), ("trunking-terminating", "outbound")),
        ],
    )
    def test_directions(self, said: str | None, direction: str) -> None:
        """Twilio's words for them."""
        assert one(Twilio(), {**CALL, "direction": said}).direction == direction
        assert why(Twilio(), {**CALL, "direction": "sideways"}) is Reason.UNSUPPORTED_DIRECTION

    def test_a_recording(self) -> None:
        """Metadata of its call; the media is not fetched, and of one deleted there is none."""
        record = one(Twilio(), RECORDING)
        assert (record.kind, record.external_id) == ("call", RECORDING["sid"])
        assert record.conversation == CALL["sid"]
        assert record.without == (Reason.MEDIA_BY_URL,)
        assert record.document["raw"]["media_url"] == RECORDING["media_url"]
        assert (record.started_at, record.ended_at) == (at(10, 0, 6), at(10, 7, 56))
        assert one(Twilio(), {**RECORDING, "status": "deleted"}).without == ()
        assert one(Twilio(), {**RECORDING, "duration": "-1"}).ended_at == at(10, 0, 6)

    def test_a_message(self) -> None:
        """What was written, by whom, to whom, when it was sent."""
        record = one(Twilio(), MESSAGE)
        assert (record.kind, record.started_at) == ("sms", at(10, 0))
        assert parties(record) == {("sender", "+447700900123"), ("recipient", "+442079460000")}
        assert record.document["texts"] == [
            {"text": MESSAGE["body"], "from": "+447700900123", "at": "2026-11-20T10:00:00+00:00"}
        ]
        assert record.without == ()
        picture = {**MESSAGE, "sid": "MM" + "3" * 32, "num_media": "2", "date_sent": None}
        record = one(Twilio(), picture)
        assert (record.without, record.started_at) == ((Reason.MEDIA_BY_URL,), at(9, 59))

    def test_a_social_message(self) -> None:
        """WhatsApp is no SMS; the number is found without the prefix."""
        record = one(Twilio(), {**MESSAGE, "from": "whatsapp:+447700900123"})
        assert record.kind == "social"
        assert ("sender", "+447700900123") in parties(record)

    def test_a_transcription(self) -> None:
        """It is of its recording, or it is refused."""
        record = one(Twilio(), TRANSCRIPTION)
        assert (record.kind, record.of) == ("transcript", RECORDING["sid"])
        assert record.document["texts"] == [{"text": TRANSCRIPTION["transcription_text"]}]
        assert why(Twilio(), {**TRANSCRIPTION, "recording_sid": ""}) is Reason.RECORD_MALFORMED

    def test_pages(self) -> None:
        """Each list page, an empty one too."""
        for name, sample in (("calls", CALL), ("recordings", RECORDING), ("messages", MESSAGE)):
            page = {"first_page_uri": "/x", "page": 0, name: [sample, sample]}
            assert Twilio().claims(sight(dumped(page)))
            assert [isinstance(one, Record) for one in read(Twilio(), dumped(page))] == [True] * 2
            assert Twilio().claims(sight(dumped({**page, name: []})))
            assert tried(Twilio(), dumped({**page, name: []})) == []

    def test_other_resources(self) -> None:
        """A sid of a kind that we keep no records of."""
        assert why(Twilio(), {**CALL, "sid": "CF" + "0" * 32}) is Reason.UNSUPPORTED_KIND
        assert why(Twilio(), {**CALL, "sid": "CA123"}) is Reason.UNSUPPORTED_KIND
        assert why(Twilio(), {"a": 1}) is Reason.RECORD_MALFORMED

    def test_real_samples(self) -> None:
        """A file of examples is no delivery; the examples in it are read, each by its sid."""
        data = real("3_cdr", "twilio", "twilio_api_examples.json").read_bytes()
        assert reader_for(sight(data)) is None
        made = [one for part in json.loads(data) for one in read(Twilio(), dumped(part["value"]))]
        counts = Counter(
            (one.kind, str(one.reason) if isinstance(one, Refused) else "taken") for one in made
        )
        assert counts["call", "taken"] == 24
        assert counts["sms", "taken"] == 11
        assert counts["social", "taken"] == 1
        assert counts["transcript", "taken"] == 2
        assert {reason for _, reason in counts} == {"taken", "unsupported-kind", "record-malformed"}
