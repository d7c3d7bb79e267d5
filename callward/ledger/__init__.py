"""The append-only Merkle log: every change of state, provable to an outsider.

Only ``log`` needs a database; the other modules need the standard library and
``cryptography``, so that a proof or a pack can be checked anywhere.
"""
