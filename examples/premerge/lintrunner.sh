#!/bin/sh
# The adapter for lintrunner, which reads one JSON object a line and takes an exit code for its own failure:
# objections are lines, and only a check that could not be made ends with another code than 0.
found=$(kernelproof check --static --format lintrunner)
code=$?
printf '%s\n' "$found" | grep '^{'
[ "$code" -ne 2 ] || [ -n "$(printf '%s\n' "$found" | grep '^{')" ]
