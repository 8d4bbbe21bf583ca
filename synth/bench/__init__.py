"""Measuring what was admitted: sealed bundles, a trusted runner, a model where there is no device."""
