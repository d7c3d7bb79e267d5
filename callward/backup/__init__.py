"""Backups of the catalogue, restoring them, and the drill that shows what a restore can do."""
