"""Bugs seeded into a kernel, to see which of them the gates find."""
