# Makes the virtual environment that the other scripts use, once; sourced by them, from the project's root.
# An installation is repeated when setup.cfg changes.
set -eu
VENV=${ARTSTYLE_VENV:-.venv}
PYTHON=${PYTHON:-python3}

install_into_environment() { # $1: what to install, "." or ".[dev]"
    stamp="$VENV/.installed-$(echo "$1" | tr -dc 'a-z')-$(cksum <setup.cfg | cut -d' ' -f1)"
    [ -e "$stamp" ] && return
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        echo "error: $("$PYTHON" --version) is too old: Python 3.11 or newer is needed (set PYTHON=/path/to/python3.11)" >&2
        exit 1
    }
    echo "installing into $VENV (a few minutes the first time: PyTorch is large)"
    [ -x "$VENV/bin/python" ] || "$PYTHON" -m venv "$VENV"
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --editable "$1"
    touch "$stamp"
}
