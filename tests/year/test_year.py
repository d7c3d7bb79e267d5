"""A simulated year with planted faults, and what its annual pack makes of it."""
