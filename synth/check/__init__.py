"""The pre-merge gate: which kernels changed, are they still what was shown, and may they be merged."""
