"""The append-only Merkle log: every change of state, provable to an outsider.

What reads proofs, notes, keys and cosignatures needs the standard library and
``cryptography`` alone, so that a proof or a pack can be checked anywhere, and a
witness run anywhere. What works on the log itself needs the catalogue.
"""
