"""Triton IR as data: `program` says what a module is, `parse` reads one from text."""
