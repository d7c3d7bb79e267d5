"""Made-up records as Amazon Connect, Genesys Cloud and Twilio write them."""

from typing import Any

CONTACT: dict[str, Any] = {
    "AWSAccountId": "123456789012",
    "AWSContactTraceRecordFormatVersion": "2017-03-10",
    "Agent": {
        "ARN": "arn:aws:connect:eu-west-2:123456789012:instance/i/agent/a",
        "AfterContactWorkEndTimestamp": "2026-11-20T10:09:00Z",
        "ConnectedToAgentTimestamp": "2026-11-20T10:01:00Z",
        "Username": "j.agent",
    },
    "Attributes": {"Reason": "billing"},
    "Channel": "VOICE",
    "ConnectedToSystemTimestamp": "2026-11-20T10:00:01Z",
    "ContactId": "11111111-2222-3333-4444-555555555555",
    "CustomerEndpoint": {"Address": "+447700900123", "Type": "TELEPHONE_NUMBER"},
    "DisconnectTimestamp": "2026-11-20T10:08:00Z",
    "InitialContactId": None,
    "InitiationMethod": "INBOUND",
    "InitiationTimestamp": "2026-11-20T10:00:00Z",
    "LastUpdateTimestamp": "2026-11-20T10:15:00Z",
    "Queue": {"Name": "Billing", "EnqueueTimestamp": "2026-11-20T10:00:10Z"},
    "Recording": {"Location": "bucket/CallRecordings/1.wav", "Status": "AVAILABLE"},
    "Recordings": [{"Location": "bucket/CallRecordings/1.wav", "Status": "AVAILABLE"}],
    "SystemEndpoint": {"Address": "+442079460000", "Type": "TELEPHONE_NUMBER"},
    "TransferredToEndpoint": {"Address": "+442079460111", "Type": "TELEPHONE_NUMBER"},
}

CONVERSATION: dict[str, Any] = {
    "conversationId": "aaaaaaaa-0000-0000-0000-000000000001",
    "conversationStart": "2026-11-20T10:00:00.000Z",
    "conversationEnd": "2026-11-20T10:08:00.000Z",
    "originatingDirection": "inbound",
    "participants": [
        {
            "participantId": "p1",
            "participantName": "Pat Example",
            "purpose": "customer",
            "sessions": [
                {
                    "mediaType": "voice",
                    "sessionId": "s1",
                    "ani": "tel:+447700900123",
                    "dnis": "tel:+442079460000",
                    "direction": "inbound",
                    "segments": [
                        {
                            "segmentStart": "2026-11-20T10:00:00.000Z",
                            "segmentEnd": "2026-11-20T10:07:30.000Z",
                        }
                    ],
                }
            ],
        },
        {"participantId": "p2", "purpose": "acd", "participantName": "Billing", "sessions": []},
        {"participantId": "p3", "purpose": "agent", "userId": "user-7", "sessions": []},
    ],
}

PLATFORM: dict[str, Any] = {
    "id": "aaaaaaaa-0000-0000-0000-000000000002",
    "startTime": "2026-11-20T10:00:00.000Z",
    "endTime": "2026-11-20T10:08:00.000Z",
    "participants": [
        {
            "id": "p1",
            "purpose": "external",
            "address": "tel:+447700900123",
            "startTime": "2026-11-20T10:00:00.000Z",
            "calls": [
                {
                    "id": "c1",
                    "direction": "outbound",
                    "other": {"addressNormalized": "tel:+447700900456"},
                    "disconnectedTime": "2026-11-20T10:08:00.000Z",
                }
            ],
        },
        {"id": "p2", "purpose": "user", "user": {"id": "user-8"}, "calls": []},
    ],
}

ACCOUNT = "AC" + "0" * 32
CALL: dict[str, Any] = {
    "sid": "CA" + "1" * 32,
    "account_sid": ACCOUNT,
    "date_created": "Fri, 20 Nov 2026 10:00:00 +0000",
    "date_updated": "Fri, 20 Nov 2026 10:09:00 +0000",
    "start_time": "Fri, 20 Nov 2026 10:00:05 +0000",
    "end_time": "Fri, 20 Nov 2026 10:08:00 +0000",
    "duration": "475",
    "direction": "outbound-api",
    "from": "+442079460000",
    "to": "+447700900123",
    "forwarded_from": None,
    "caller_name": None,
    "parent_call_sid": None,
    "status": "completed",
}
RECORDING: dict[str, Any] = {
    "sid": "RE" + "2" * 32,
    "account_sid": ACCOUNT,
    "call_sid": CALL["sid"],
    "date_created": "Fri, 20 Nov 2026 10:00:06 +0000",
    "date_updated": "Fri, 20 Nov 2026 10:09:00 +0000",
    "start_time": "Fri, 20 Nov 2026 10:00:06 +0000",
    "duration": "470",
    "status": "completed",
    "media_url": "https://api.twilio.com/2010-04-01/Accounts/AC/Recordings/RE",
}
MESSAGE: dict[str, Any] = {
    "sid": "SM" + "3" * 32,
    "account_sid": ACCOUNT,
    "body": "When does the office open?",
    "date_created": "Fri, 20 Nov 2026 09:59:00 +0000",
    "date_sent": "Fri, 20 Nov 2026 10:00:00 +0000",
    "date_updated": "Fri, 20 Nov 2026 10:00:01 +0000",
    "direction": "inbound",
    "from": "+447700900123",
    "to": "+442079460000",
    "num_media": "0",
    "status": "received",
}
TRANSCRIPTION: dict[str, Any] = {
    "sid": "TR" + "4" * 32,
    "account_sid": ACCOUNT,
    "recording_sid": RECORDING["sid"],
    "date_created": "Fri, 20 Nov 2026 10:10:00 +0000",
    "date_updated": "Fri, 20 Nov 2026 10:11:00 +0000",
    "duration": "12",
    "transcription_text": "Hello, this is about the invoice.",
    "status": "completed",
}
