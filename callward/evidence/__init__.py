"""The evidence pack: what is in it, how it is made, and how anyone can check it.

``verify`` and what it imports need the standard library and ``cryptography``
only, so that a pack can be checked on any machine.
"""
