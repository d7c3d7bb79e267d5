"""Card data taken out of text, of texts that follow each other, of documents and of files.

Of a number the first six and the last four digits stay (PCI DSS 4.0.1, 3.4.1), of expiry
dates and security codes nothing. What was masked is counted, never kept. Masking again
changes nothing and counts nothing.
"""

from callward.cards.document import mask_document
from callward.cards.files import mask_bytes
from callward.cards.messages import mask, mask_texts

__all__ = ["mask", "mask_bytes", "mask_document", "mask_texts"]
