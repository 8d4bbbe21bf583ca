#!/bin/sh
# Any other runner: fail on whatever is not shown, pass where there is nothing to check.
#   sh check.sh BASE
set -u
if [ $# -ne 1 ]; then
  echo "usage: sh check.sh BASE, the branch that the change goes into" >&2
  exit 2
fi
kernelproof check --changed "$1"
code=$?
[ "$code" -eq 3 ] && exit 0
exit "$code"
