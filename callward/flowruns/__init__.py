"""Runs of flows, kept by us: reduced to what is nobody's, stored, and in the ledger.

``reading`` asks the orchestrator (a ``Source``), ``reduce`` decides what may be kept,
``keeping`` stores it with its leaf, ``comparing`` says what does not fit.
"""
