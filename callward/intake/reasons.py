"""Why something was refused at the door: stable codes, safe to log and to print."""

from enum import StrEnum

from callward.errors import SupplierError


class Reason(StrEnum):
    """A quarantine code. The trailing comment says what it means to the supplier."""

    NOT_MEDIA = "not-media"  # no container and codec we know can be made out
    TRUNCATED = "truncated"  # clearly less audio is there than the file promises
    EMPTY = "empty"  # nothing in it: no bytes, or no sample of audio
    NO_AUDIO = "no-audio"  # media, but without an audio track
    UNSUPPORTED_CODEC = "unsupported-codec"  # a known container with a codec we do not decode
    TOO_LARGE = "too-large"  # over a limit: bytes, seconds, channels, files, depth
    NUMBER_MALFORMED = "number-malformed"  # a number is outside any sensible range
    DECODER_CRASHED = "decoder-crashed"  # the process that decoded it died
    DECODER_TIMEOUT = "decoder-timeout"  # the process that decoded it ran out of time
    DECODER_MEMORY = "decoder-memory"  # the process that decoded it would have used too much
    UNKNOWN_CONTROLLER = "unknown-controller"  # delivered for nobody we act for
    PATH_ESCAPE = "path-escape"  # a name that leaves the drop: .., absolute, symbolic link
    NOT_REGULAR = "not-regular"  # a folder, pipe, socket or device where a file should be
    UNREADABLE = "unreadable"  # the operating system does not let us read it
    CHANGED_WHILE_READ = "changed-while-read"  # still being written when it was taken in
    FILE_MISSING = "file-missing"  # the manifest names a file that is not there
    NOT_IN_MANIFEST = "not-in-manifest"  # a file that no row of the manifest names
    DIGEST_MISMATCH = "digest-mismatch"  # content and SHA-256 of the manifest differ
    DIGEST_MALFORMED = "digest-malformed"  # the SHA-256 is not 64 hexadecimal digits
    TIME_MALFORMED = "time-malformed"  # no ISO 8601 moment with offset, or before the year 2000
    FUTURE_START = "future-start"  # starts or ends later than now
    ENDED_BEFORE_START = "ended-before-start"  # ends before it starts
    UNSUPPORTED_KIND = "unsupported-kind"  # neither recording nor voicemail
    UNSUPPORTED_DIRECTION = "unsupported-direction"  # not inbound, outbound or internal
    ROW_MALFORMED = "row-malformed"  # wrong number of cells, a mandatory cell empty, control marks
    DUPLICATE_ROW = "duplicate-row"  # the same file, or external id and kind, in an earlier row
    MANIFEST_UNREADABLE = "manifest-unreadable"  # the manifest as a whole cannot be read
    CONTENT_CONFLICT = "content-conflict"  # other content under an id that is already known
    NOT_RECOGNISED = "not-recognised"  # no reader knows the file, nor did the drop name one
    DROP_UNREADABLE = "drop-unreadable"  # its drop.json cannot be read, or names no reader of ours
    FILE_MALFORMED = "file-malformed"  # the file as a whole is not of its format
    TOO_DEEP = "too-deep"  # nested deeper than anything honest
    ENCODING = "encoding"  # bytes that are no text in any encoding it could be in
    VERSION_UNSUPPORTED = "version-unsupported"  # a version of the format that we do not know
    EXTENSION_UNKNOWN = (
        "extension-unknown"  # says it must not be read by who knows not its extension
    )
    SIGNATURE_INVALID = "signature-invalid"  # signed, and the signature does not hold
    ENCRYPTED = "encrypted"  # encrypted, and the key is not ours
    ENTITY = "entity"  # XML that declares entities or a document type
    RECORD_MALFORMED = (
        "record-malformed"  # a record without what identifies it, or self-contradicting
    )
    MEDIA_BY_URL = "media-by-url"  # names its media by address: nothing is fetched
    MEDIA_UNREADABLE = "media-unreadable"  # its inline media cannot be decoded
    CREDENTIALS = "credentials"  # carries a password, PIN or secret, which is never stored
    MAPPING_MISSING = "mapping-missing"  # the instruction has no column mapping of that name
    GATE = "gate"  # a row-level check of a gate failed


RELEASABLE: frozenset[Reason] = frozenset(
    {
        Reason.DIGEST_MISMATCH,  # the supplier confirms the content and withdraws the digest
        Reason.CONTENT_CONFLICT,  # the supplier confirms that it is another interaction
        Reason.FUTURE_START,  # its time has come, or the supplier's clock is explained
        Reason.GATE,  # a person has looked at what the check disliked
        Reason.TRUNCATED,  # half a call is still a record; it was decoded, so its facts are known
    }
)
"""What a person may release: file and row are both there and sound enough to catalogue.

Everything else lacks content, metadata or a safe way to decode it, and can
only be rejected and delivered again.
"""


class Refusal(SupplierError):  # noqa: N818 - the house word; it is a verdict, not a fault
    """What was delivered cannot be taken in; ``reason`` says why."""

    code = "refused"

    def __init__(self, reason: Reason) -> None:
        """Refuse for ``reason``; the text is the code alone."""
        self.reason = Reason(reason)
        super().__init__(self.reason.value)
