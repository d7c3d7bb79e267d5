"""The communication sessions of SIPREC metadata (RFC 7865 §6), each made a record."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final
from xml.etree.ElementTree import Element, tostring

from callward.intake.readers.base import Told
from callward.intake.readers.calls import digest, identity, people
from callward.intake.readers.siprec_xml import attribute, local, named, value
from callward.intake.readers.times import moment, span
from callward.intake.reasons import Reason, Refusal
from callward.intake.records import Record, Refused, Role

NAMESPACES: Final = (
    "urn:ietf:params:xml:ns:recording:1",  # RFC 7865
    "urn:ietf:params:xml:ns:recording",  # its drafts
    "urn:ietf:params:xml:ns:siprec",  # the earliest of them
)
_TIMES: Final = ("start-time", "stop-time", "end-time", "associate-time", "disassociate-time")
_OF_SESSION: Final = ("session_id", "session-id", "session", "parent")
_OF_PARTICIPANT: Final = ("participant_id", "participant-id", "participant")
_OF_GROUP: Final = ("group_id", "group-id", "group")

_PARTY_NUMBERS: Final[Mapping[str, Role]] = {
    "callingpartynumber": "caller",
    "calledpartynumber": "called",
}


def sessions(root: Element, document: bytes, told: Told) -> Iterator[Record | Refused]:
    """A record or refusal for each session. Refusal version-unsupported, record-malformed."""
    namespace = root.tag[1:].partition("}")[0] if root.tag.startswith("{") else ""
    if namespace not in NAMESPACES:
        raise Refusal(Reason.VERSION_UNSUPPORTED)
    found = _Metadata(root)
    if not found.sessions:
        raise Refusal(Reason.RECORD_MALFORMED)
    alone = len(found.sessions) == 1
    for session in found.sessions:
        raw = {"xml": _text(document) if alone else found.excerpt(session)}
        try:
            yield found.record(session, raw, told)
        except Refusal as refusal:
            yield Refused(refusal.reason, raw, "call")


class _Metadata:
    """A document's elements by what they are and whom they name."""

    def __init__(self, root: Element) -> None:
        self._root = root
        self.sessions = named(root, "session")
        self._modes = named(root, "datamode")
        self._groups_by: dict[str, list[Element]] = {}
        for group in named(root, "group"):
            self._groups_by.setdefault(attribute(group, *_OF_GROUP, "id"), []).append(group)
        self._partial = value(root, "datamode").casefold() == "partial"
        self._alone = len(self.sessions) == 1
        self._first = attribute(self.sessions[0], "session_id", "id") if self.sessions else ""
        self._sessions_of: dict[str, set[str]] = {}
        for one in named(root, "participantsessionassoc"):
            who = attribute(one, *_OF_PARTICIPANT)
            self._sessions_of.setdefault(who, set()).add(attribute(one, *_OF_SESSION))
        self._by_session: dict[str, list[Element]] = {}
        for one in root:
            for name in self._named_by(one):
                self._by_session.setdefault(name, []).append(one)

    def record(self, session: Element, raw: dict[str, Any], told: Told) -> Record:
        own = attribute(session, "session_id", "session-id", "id")
        if not own:
            raise Refusal(Reason.RECORD_MALFORMED)
        about = [session, *self._about(own)]
        times = _times(about, told) or _times(self._groups(session), told)
        if not times:
            raise Refusal(Reason.TIME_MALFORMED)
        started, ended = span(min(times), max(times), told)
        update = digest(raw["xml"]) if self._partial else ""
        return Record(
            kind="call",
            external_id=identity(f"{identity(own)}#{update}" if update else own),
            started_at=started,
            ended_at=ended,
            document={"raw": raw},
            people=people(*(pair for one in about for pair in _parties(one))),
            conversation=identity(own),
        )

    def excerpt(self, session: Element) -> str:
        """The elements of one session of several, without the others'."""
        own = attribute(session, "session_id", "session-id", "id")
        root = Element(self._root.tag, dict(self._root.attrib))
        root.extend(self._modes)
        root.extend([*self._groups(session), session, *self._about(own)])
        return tostring(root, encoding="unicode")

    def _about(self, session: str) -> list[Element]:
        return self._by_session.get(session, [])

    def _named_by(self, one: Element) -> set[str]:
        """The sessions an element belongs to; one that names none is with the first."""
        kind = local(one.tag)
        if kind in {"session", "datamode", "group"}:
            return set()
        if self._alone:
            return {self._first}
        direct = attribute(one, *_OF_SESSION) or value(one, "session", "session_id")
        if direct:
            return {direct}
        of = _OF_PARTICIPANT if kind != "participant" else (*_OF_PARTICIPANT, "id")
        return self._sessions_of.get(attribute(one, *of)) or {self._first}

    def _groups(self, session: Element) -> list[Element]:
        """The communication session group it is in."""
        group = value(session, "group-ref") or attribute(session, *_OF_GROUP)
        if self._alone and not group:
            return [one for of_id in self._groups_by.values() for one in of_id]
        return self._groups_by.get(group, [])


def _times(about: list[Element], told: Told) -> list[datetime]:
    return [
        moment(one.text or "", told)
        for element in about
        for one in named(element, *_TIMES)
        if (one.text or "").strip()
    ]


def _parties(element: Element) -> Iterator[tuple[Role, str]]:
    """Who a participant is, by addresses of record, or an extension (BroadWorks') says."""
    kind = local(element.tag)
    if kind == "participant":
        role = _role(element)
        for one in named(element, "nameid"):
            yield from _names(role, attribute(one, "aor") or value(one, "aor"))
        for one in named(element, "aor"):
            yield from _names(role, one.text or "")
    elif kind == "extensiondata":
        for one in element.iter():
            said = _PARTY_NUMBERS.get(local(one.tag))
            if said:
                yield from _names(said, one.text or "")


def _role(participant: Element) -> Role:
    """Caller or called where an extension (Oracle/ACME's) says which."""
    for one in participant.iter():
        if local(one.tag) == "callingparty":
            return "caller" if (one.text or "").strip().casefold() == "true" else "called"
    return "participant"


def _names(role: Role, aor: str) -> Iterator[tuple[Role, str]]:
    """An address as written; and the number in it, which may be known without the host."""
    aor = aor.strip()
    scheme, colon, rest = aor.partition(":")
    scheme = scheme.casefold() if colon else ""
    user = (rest if scheme in {"sip", "sips", "tel"} else aor).partition("@")[0].partition(";")[0]
    if scheme != "tel":
        yield (role, aor)
    if any(map(str.isdigit, user)) and user != aor:
        yield (role, user)


def _text(document: bytes) -> str:
    return document.decode("utf-8", errors="replace")
