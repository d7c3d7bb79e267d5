"""Readers: one module for each source format, all behind one small interface."""
