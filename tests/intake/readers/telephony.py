"""Made-up call records as telephone systems write them; every number is of Ofcom's for drama."""

import json
from typing import Any

MASTER = (
    '"","02079460000","101","from-trunk","""Pat Example"" <02079460000>","SIP/trunk-00000001",'
    '"SIP/101-00000002","Dial","SIP/101,20","2026-11-20 10:00:00","2026-11-20 10:00:05",'
    '"2026-11-20 10:01:00",60,55,"ANSWERED","DOCUMENTATION"'
)
UNIQUE = '"1795168800.1"'

EXAMPLE = (
    '"Pat Example","02079460000","101","public","2026-11-20 10:00:00","2026-11-20 10:00:05",'
    '"2026-11-20 10:01:00","60","55","NORMAL_CLEARING",'
    '"11111111-2222-3333-4444-555555555555","","acct","PCMA","PCMA"'
)
UUID = "11111111-2222-3333-4444-555555555555"

THREE_CX = (
    "Call 7,00000a_1,00:00:55,2026/11/20 10:00:00,2026/11/20 10:00:05,2026/11/20 10:01:00,"
    "TerminatedByDst,02079460000,Ext.800,10000,800,02079460111,ReplacedDst,Ext.101,101,,,,,"
    "Chain: 02079460000;Ext.800;Ext.101;,Line,Queue,Extension,Pat Example,Sales,Al Agent,Ext.102"
)

JSON_CDR: dict[str, Any] = {
    "core-uuid": "99999999-0000-0000-0000-000000000000",
    "switchname": "pbx",
    "channel_data": {"state": "CS_REPORTING", "direction": "inbound"},
    "variables": {
        "uuid": UUID,
        "call_uuid": UUID,
        "sip_from_user": "02079460000",
        "sip_network_ip": "192.0.2.7",
        "sip_auth_password": "hunter2",
        "rtp_local_sdp_str": "v=0\r\na=crypto:1 AES_CM_128 inline:QUJDREVGR0hJSktM\r\n",
        "cc_agent": "agent7@default",
        "start_stamp": "2026-11-20%2010%3A00%3A00",
        "start_epoch": "1795168800",
        "start_uepoch": "1795168800250000",
        "end_uepoch": "1795168860500000",
        "duration": "60",
    },
    "callflow": [
        {
            "caller_profile": {
                "caller_id_name": "Pat Example",
                "caller_id_number": "02079460000",
                "destination_number": "101",
                "network_addr": "192.0.2.7",
                "uuid": UUID,
            },
            "times": {"created_time": "1795168800250000", "hangup_time": "1795168860500000"},
        }
    ],
}

EVENT = (
    "Event-Name: CHANNEL_HANGUP_COMPLETE\n"
    "Core-UUID: 99999999-0000-0000-0000-000000000000\n"
    f"Unique-ID: {UUID}\n"
    "Caller-Caller-ID-Number: %2B442079460000\n"
    "Caller-Destination-Number: 101\n"
    "Caller-Network-Addr: 192.0.2.7\n"
    "variable_start_uepoch: 1795168800250000\n"
    "variable_end_uepoch: 1795168860500000\n"
    "variable_vm-password: 4321\n"
)

NAMESPACE = "urn:ietf:params:xml:ns:recording:1"
SESSION = "hVpd7YQgRW2nD22h7q60JQ=="
METADATA = f"""<?xml version="1.0" encoding="UTF-8"?>
<recording xmlns="{NAMESPACE}">
  <datamode>complete</datamode>
  <group group_id="7+OTCyoxTmqmqyA/1weDAg==">
    <associate-time>2026-11-20T09:59:00Z</associate-time>
  </group>
  <session session_id="{SESSION}">
    <sipSessionID>ab30317f1a784dc48ff824d0d3715d86</sipSessionID>
    <group-ref>7+OTCyoxTmqmqyA/1weDAg==</group-ref>
    <start-time>2026-11-20T10:00:00Z</start-time>
    <stop-time>2026-11-20T10:05:00Z</stop-time>
  </session>
  <participant participant_id="srfBElmCRp2QB23b7Mpk0w==">
    <nameID aor="sip:+442079460000@example.com"><name xml:lang="en">Pat</name></nameID>
  </participant>
  <participant participant_id="zSfPoSvdSDCmU3A3TRDxAw==">
    <nameID aor="tel:+442079460111;phone-context=example.com"/>
  </participant>
  <stream stream_id="UAAMm5GRQKSCMVvLyl4rFw==" session_id="{SESSION}"><label>96</label></stream>
  <participantsessionassoc participant_id="srfBElmCRp2QB23b7Mpk0w==" session_id="{SESSION}">
    <associate-time>2026-11-20T10:00:00Z</associate-time>
    <disassociate-time>2026-11-20T10:06:00Z</disassociate-time>
  </participantsessionassoc>
</recording>
"""
MULTIPART = (
    "\n--foobar\nContent-Type: application/sdp\n\nv=0\no=- 1 1 IN IP4 192.0.2.7\n"
    "m=audio 4000 RTP/SAVP 8\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:QUJDREVGR0hJSktM\n"
    "\n--foobar\nContent-Type: application/rs-metadata+xml\n"
    "Content-Disposition: recording-session\nContent-ID: <metadata@example.com>\n\n"
    f"{METADATA}\n--foobar--\n"
)

FILES: dict[str, bytes] = {
    "asterisk-cdr": f"{MASTER},{UNIQUE},\n{MASTER},{UNIQUE},\n".encode(),
    "freeswitch-csv": f"{EXAMPLE}\n{EXAMPLE}\n".encode(),
    "3cx-cdr": f"{THREE_CX}\r\n{THREE_CX}\r\n".encode(),
    "freeswitch-json": json.dumps(JSON_CDR).encode(),
    "siprec": MULTIPART.encode(),
}
"""A valid file of each reader."""
