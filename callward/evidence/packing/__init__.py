"""How a pack is written."""
