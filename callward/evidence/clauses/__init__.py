"""Promises of the privacy notice, clause by clause, and what becomes of each."""
