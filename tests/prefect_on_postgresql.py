"""``prefect`` on a PostgreSQL that lacks the extension pg_trgm, as the tests' has; a program.

Prefect needs it for nothing but indexes that make searching for parts of names quick.
"""

import re
import sys
from typing import Any

import sqlalchemy as sa
from prefect.cli import app

_TRIGRAMS = re.compile(r"(?i)^\s*(create|drop)\s+(extension|index)\b.*trgm", re.DOTALL)


@sa.event.listens_for(sa.Engine, "before_cursor_execute", retval=True)
def without_trigrams(
    _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: Any
) -> tuple[str, Any]:
    """Leave statements out that make or drop the extension or its indexes."""
    return ("SELECT 1" if _TRIGRAMS.match(statement) else statement), parameters


if __name__ == "__main__":
    sys.argv[0] = "prefect"
    app()
