"""Kernels that people merge: launch contracts of four packages, proved, and the table of what came of it.

One file a package holds its contracts. `python -m libraries` in `tests/` examines them all and writes the table to
`reports/published/libraries/`; `make quality-libraries` installs the packages first.
"""
