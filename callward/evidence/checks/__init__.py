"""How a pack is checked: the standard library and ``cryptography``, and nothing else."""
