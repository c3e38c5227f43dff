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
pytest "$@"
