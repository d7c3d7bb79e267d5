"""Transcription: by whose instruction, for how long, and what was refused."""

from collections.abc import Iterator, Mapping
from typing import Final

from callward.evidence.clauses.deciding import Judge
from callward.evidence.clauses.model import Context, Facts, Finding, Weight


def transcription_instructed(facts: Facts, _context: Context) -> Iterator[Finding]:
    """Nothing was transcribed without an instruction in force."""
    if facts["uninstructed"]:
        yield Finding(Weight.GAP, "transcribed-uninstructed", facts["uninstructed"])
    if facts["refused"]:
        about = tuple(sorted(facts["refusals"]))
        yield Finding(Weight.NOTE, "transcription-refused", facts["refused"], about)
    elif not facts["transcribed"]:
        yield Finding(Weight.NOT_APPLICABLE, "nothing-to-transcribe")


def transcripts_with_recordings(facts: Facts, _context: Context) -> Iterator[Finding]:
    """No transcript is there, or was there, without its recording."""
    if facts["orphans"]:
        yield Finding(Weight.GAP, "transcript-without-recording", facts["orphans"])
    if facts["outlived"]:
        yield Finding(Weight.PARTLY, "transcript-outlived", facts["outlived"])
    if not (facts["transcripts"] or facts["transcribed"] or facts["outlived"]):
        yield Finding(Weight.NOT_APPLICABLE, "no-transcripts")


def transfers_refused(facts: Facts, _context: Context) -> Iterator[Finding]:
    """What would have left the UK and EEA was refused: a control that worked."""
    if facts["transfers_refused"]:
        yield Finding(Weight.NOTE, "transfer-refused", facts["transfers_refused"])


JUDGES: Final[Mapping[str, Judge]] = {
    "transcription-instructed": transcription_instructed,
    "transcripts-with-recordings": transcripts_with_recordings,
    "transfers-refused": transfers_refused,
}

MEANS: Final[Mapping[str, str]] = {
    "no-transcripts": "there are no transcripts, and none were made",
    "nothing-to-transcribe": "nothing was transcribed, and nothing had to be refused",
    "transcribed-uninstructed": "{count} recording[s] [was|were] transcribed although no "
    "instruction in force allows it",
    "transcript-outlived": "{count} transcript[s] [was|were] destroyed later than [its recording|"
    "their recordings]",
    "transcript-without-recording": "{count} transcript[s] [is|are] kept although [its recording "
    "has|their recordings have] been destroyed",
    "transcription-refused": "transcription was refused [once, with its|{count} times, each with "
    "its] reason ({words})",
    "transfer-refused": "on {count} occasion[s] a recording would have left the United Kingdom and "
    "the EEA without instruction or safeguard; it was refused, and did not",
}
