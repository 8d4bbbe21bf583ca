"""Running a plan's TTIR on a real device. Trusted: no Python of the candidate takes part."""
