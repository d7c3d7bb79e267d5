"""Packs in the forms of others, so that they can be read without anything of ours."""
