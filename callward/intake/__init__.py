"""Intake: what comes through the door, and whether it may stay."""
