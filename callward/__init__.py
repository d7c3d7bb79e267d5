"""Callward: the record-keeping back office of a contact-centre company."""

__version__ = "0.1.0"
