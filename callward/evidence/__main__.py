"""``python -P -m callward.evidence FILE … [--key KEY]``: check files of evidence.

For auditors: needs Python and ``cryptography``, nothing else that Callward needs.
Ends with 0 if every file verifies, 4 if one does not, 2 if there is none.
"""

import argparse
import json
import sys
from datetime import date
from pathlib import Path

from callward.errors import CallwardError
from callward.evidence.checking import Checked, check_file
from callward.evidence.checks.asked import given_text, wanted_of
from callward.evidence.checks.model import Wanted

_REFUSED = 4


def main() -> int:
    """Check the files named on the command line; the exit status."""
    given = _arguments().parse_args()
    try:
        period = given.period and tuple(map(date.fromisoformat, given.period))
    except ValueError:
        sys.stderr.write("callward: a period is two days such as 2026-01-31\n")
        return 2
    status = 0
    try:
        key, witness = given_text(given.key), given_text(given.witness)
        wanted = wanted_of(period=period, year=given.year, earlier=given.earlier, witness=witness)
        for file in given.file:
            status = max(status, _check(file, key, wanted, as_json=given.json))
    except CallwardError as error:
        sys.stderr.write(f"callward: {error}\n")
        return error.exit_status
    return status


def _check(file: Path, key: str | None, wanted: Wanted, *, as_json: bool) -> int:
    checked = check_file(file, expected_key=key, wanted=wanted)
    lines = [_json(checked)] if as_json else list(checked.lines())
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()
    return 0 if checked.passed else _REFUSED


def _json(checked: Checked) -> str:
    return json.dumps(checked.as_json(), indent=2, ensure_ascii=False)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("verify", description=__doc__)
    parser.add_argument("file", type=Path, nargs="+", help="a pack, a proof or a certificate")
    parser.add_argument("--key", help="the verifier key you were given, or a file of them")
    parser.add_argument(
        "--period", nargs=2, metavar=("FROM", "TO"), help="the first and last day you expect"
    )
    parser.add_argument("--year", type=int, help="expect the annual pack that ends in that year")
    parser.add_argument("--earlier", type=Path, help="an earlier pack, which this must continue")
    parser.add_argument("--witness", help="a witness's verifier key: it must have cosigned")
    parser.add_argument("--json", action="store_true", help="for machines")
    return parser


if __name__ == "__main__":
    sys.exit(main())
