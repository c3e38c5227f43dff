#!/bin/sh
# Everything that must hold before a change lands: lint, types, direction of imports, tests.
set -eu
cd "$(dirname "$0")/.."
. scripts/environment.sh
install_into_environment ".[dev]"
PATH="$PWD/$VENV/bin:$PATH"

ruff check .
ruff format --check .
mypy
lint-imports
# each of two processes keeps to one thread; a file's tests stay together, because they share what is costly to make
OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 pytest -n 2 --dist loadfile "$@"
