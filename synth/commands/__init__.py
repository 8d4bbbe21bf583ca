"""The commands, one module each: SUMMARY, `configure(parser)` and `execute(arguments) -> Ending`.

These modules are imported to print help, so what they need to do their work they import when they do it.
"""
