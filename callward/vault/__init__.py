"""Sealed objects, key pages, root generations, key cells and object stores (DESIGN §4)."""
