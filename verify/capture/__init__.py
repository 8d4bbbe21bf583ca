"""From a candidate to data: the locked-in child, the plan it records, and TTIR for every kernel."""
