"""What an operator can do about each code with which recordings are refused, fail, or wait.

``docs/transcripts.md`` lists the same sentences, and a test holds it to them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from callward.intake.quarantine import TRANSCRIPT_GATE

_AGAIN: Final = "it is tried again every night"
_REGISTER: Final = "mend its entry in the register, or have the instruction name another engine"

REFUSED: Final[Mapping[str, str]] = {
    "no-instruction": "Nothing: the controller has not asked for transcription.",
    "erasure-instructed": "Nothing: the recording goes with the next sweep.",
    "held": "Nothing: it is looked at again once the hold or restriction is lifted.",
    "due": "Nothing: the recording is due, and goes with the next sweep.",
    "card-scan-pending": "Look at what the cards stage says of it: until it was listened to for "
    "card numbers, nobody else hears it.",
    "engine-not-instructed": "Ask the controller to name the engine in its instruction, or wish "
    "for one that it names.",
    "engine-unknown": "Enter the engine that the instruction names in the settings, or have the "
    "instruction corrected.",
    "language-unsupported": "Enter an engine that knows the instruction's language, and have the "
    "instruction name it.",
    "sub-processor-not-authorised": "Ask the controller to authorise the engine's sub-processor, "
    "or to name an engine of our own.",
    "region-outside-uk-eea": "Run the engine in the UK or EEA, or correct its country in the "
    "settings.",
    "no-audio": "Nothing: there is nothing to hear in the recording.",
}
"""What the decision says (``decision.Refused``)."""
REGISTER: Final[Mapping[str, str]] = {
    "sub-processor-unknown": "Enter the engine's sub-processor in the register.",
    "sub-processor-register-unreadable": "Mend the sub-processor's file in the register; the "
    "night says which line.",
    "sub-processor-ended": "Have the instruction name another engine: this sub-processor is not "
    "used any more.",
    "sub-processor-not-approved": f"Have it approved, then {_REGISTER}.",
    "sub-processor-dpa-missing": f"Sign a data processing agreement, then {_REGISTER}.",
    "sub-processor-dpa-expired": f"Renew the data processing agreement, then {_REGISTER}.",
    "sub-processor-due-diligence-missing": f"Do the due diligence, then {_REGISTER}.",
    "sub-processor-review-overdue": f"Do the review that is overdue, then {_REGISTER}.",
    "sub-processor-training-not-excluded": "Have training on the recordings excluded in the "
    f"agreement, then {_REGISTER}.",
    "sub-processor-onward-use-not-excluded": "Have onward use excluded in the agreement, then "
    f"{_REGISTER}.",
    "sub-processor-certificate-missing": "Ask for its ISO 27001 certificate or SOC 2 report, then "
    f"{_REGISTER}.",
    "sub-processor-certificate-expired": "Ask for its new ISO 27001 certificate or SOC 2 report, "
    f"then {_REGISTER}.",
    "region-not-registered": "Correct the engine's country in the settings, or the regions in the "
    "register.",
    "transfer-not-instructed": "Ask the controller to instruct the transfer, or use an engine "
    "inside the UK and EEA.",
    "transfer-without-safeguard": "Sign the IDTA or UK Addendum that the instruction names, and "
    "enter it in the register.",
}
"""What the register of sub-processors says (``subprocessors.checking``)."""
ENGINE: Final[Mapping[str, str]] = {
    "engine-failed": "Look at the engine's settings, its package and its device; if one "
    "recording fails again and again, wish for another engine.",
    "engine-model-missing": "Put the model into the folder that the settings name; nothing is "
    "downloaded.",
    "engine-server": "Look at the engine's address in the settings.",
    "engine-unreachable": f"See whether the server is up and can be reached from here; {_AGAIN}.",
    "engine-timeout": f"See whether the server is overloaded, or give it more `seconds`; {_AGAIN}.",
    "engine-certificate": "Have the server's certificate renewed, or correct `ca_file`; nothing "
    "was sent.",
    "engine-redirected": "Ask the server's operator for the new address, and enter it: nothing "
    "follows a redirect.",
    "engine-refused": "Look at key, model and quota: the server does not take our requests.",
    "engine-busy": f"Lower `per_minute` or `at_once`, or ask for a larger quota; {_AGAIN}.",
    "engine-broken": f"Tell the server's operator that it fails by its own account; {_AGAIN}.",
    "engine-answer-malformed": "See whether the address is that of a transcription service with "
    "`verbose_json` and times.",
    "engine-answer-too-large": "Tell the server's operator: no transcript is so long.",
    "engine-request-too-large": "Raise `most_bytes` to what the server takes, or lower `window`.",
    "engine-key-unusable": "Put the API key where the settings say, in a file that is its "
    "owner's alone.",
}
"""What engines fail with (``engine``, ``httperrors``)."""
ELSE: Final[Mapping[str, str]] = {
    "worker-crashed": f"Look at memory and the engine's library: a worker died; {_AGAIN}.",
    "worker-timeout": "Raise `seconds_per_file`, or use a quicker engine or device: a worker "
    f"took too long; {_AGAIN}.",
    "worker-error": "Report it: a worker met something unforeseen, memory that ran out perhaps.",
    "workers": "Report it: worker processes do not start.",
    "key-missing": "Restore the catalogue's keys from a backup, and report it: the recording "
    "cannot be opened.",
    "integrity": "Restore the recording's ciphertext from a backup, and report it: it is not what "
    "was sealed.",
    "store": f"See whether the object store is there and answers; {_AGAIN}.",
    "store-refuses": "Give the object store's credentials the right to read.",
    "defect": "Restore the recording's ciphertext from a backup, and report it: the catalogue "
    "contradicts itself.",
    TRANSCRIPT_GATE: "Look at the transcript with `transcript show --quarantined`, then release "
    "it, reject it, or have it done again: `transcript redo`.",
    "gate-failed": "Look in the Data Docs at the check that stopped the batch: the engine or its "
    "model may be broken; nothing of the batch was recorded.",
    "instruction": "Have the instruction's file mended; its controller waits.",
    "register": "Mend the sub-processor's file in the register; nothing goes to it meanwhile.",
}
"""What else can happen to a recording, a shard or the stage."""
BEGINNINGS: Final[Mapping[str, str]] = {
    "undecodable:": "Nothing, or wish for another engine: the recording cannot be decoded, and "
    "is kept as it is.",
    "gate-": "Look in the Data Docs at the check of that name, and correct what it is about.",
}
"""Codes that begin so go on with what the decoder said, or with the name of a check."""
ADVICE: Final[Mapping[str, str]] = {**REFUSED, **REGISTER, **ENGINE, **ELSE}
UNKNOWN: Final = "Look at `callward transcript list --all` and report the code."
_COUNTED: Final = ("refused:", "failed:", "quarantined:")


@dataclass(frozen=True, slots=True)
class ToDo:
    """A code, how many recordings it is about (0: a batch or the stage), what can be done."""

    code: str
    count: int
    advice: str


def advice(code: str) -> str:
    """One sentence on what to do about a code."""
    if code in ADVICE:
        return ADVICE[code]
    return next((said for start, said in BEGINNINGS.items() if code.startswith(start)), UNKNOWN)


def to_do(counts: Iterable[Mapping[str, int]], failures: Iterable[str] = ()) -> list[ToDo]:
    """What can be done about a stage's counts and failures, the most frequent code first."""
    found = Counter[str]()
    for mine in counts:
        for name, count in mine.items():
            kind = next((kind for kind in _COUNTED if name.startswith(kind)), None)
            if kind is not None:
                found[name.removeprefix(kind)] += count
    for failure in failures:
        code = failure.partition("]")[0].removeprefix("[")
        if failure.startswith("[") and code not in found:
            found[code] = 0
    ordered = sorted(found.items(), key=lambda one: (-one[1], one[0]))
    return [ToDo(code, count, advice(code)) for code, count in ordered]
