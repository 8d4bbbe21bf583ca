"""The search for kernels, the bench, and the command line. Imports everything else; nothing imports it."""
