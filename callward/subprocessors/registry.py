"""The register's entries catalogued so far, version by version.

Every function works inside the caller's transaction on the connection it is given.
"""

from typing import Final

from callward.catalogue.tables import sub_processors
from callward.registers.book import Book
from callward.subprocessors.model import SubProcessor

LOADED_EVENT: Final = "sub-processor-loaded"
BOOK: Final = Book(sub_processors, SubProcessor, LOADED_EVENT, "sub_processor", ("status",))

newest = BOOK.newest
versions = BOOK.versions
