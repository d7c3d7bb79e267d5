"""``python -m callward.evidence FILE [--key KEY]``: check a file of evidence.

For auditors: needs Python and ``cryptography``, nothing else that Callward needs.
Ends with 0 if the file verifies, 4 if not, 2 if there is none.
"""

import argparse
import json
import sys
from pathlib import Path

from callward.errors import CallwardError
from callward.evidence.checking import check_file

_REFUSED = 4


def main() -> int:
    """Check the file named on the command line; the exit status."""
    parser = argparse.ArgumentParser("python -m callward.evidence", description=__doc__)
    parser.add_argument("file", type=Path, help="a pack, a proof or a certificate")
    parser.add_argument("--key", help="the verifier key you were given")
    parser.add_argument("--json", action="store_true", help="for machines")
    given = parser.parse_args()
    try:
        checked = check_file(given.file, expected_key=given.key)
    except CallwardError as error:
        sys.stderr.write(f"callward: {error}\n")
        return error.exit_status
    lines = checked.lines()
    if given.json:
        lines = iter([json.dumps(checked.as_json(), indent=2, ensure_ascii=False)])
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 0 if checked.passed else _REFUSED


if __name__ == "__main__":
    sys.exit(main())
