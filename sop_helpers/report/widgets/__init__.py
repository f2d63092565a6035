"""Widgets of our own for the desk notebooks; each has its JavaScript beside it."""
