#!/bin/sh
# Creates .venv with requirements/dev.txt and this package, for `make venv`.
# PYTHON, if set, is the Python to use.
set -eu
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

fail() {
    echo "make venv: $1" >&2
    exit 1
}

find_python() {
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    fail "no Python 3.11 or newer found (looked for ${PYTHON:-python3, python3.11 to python3.14}); install one, or name it with PYTHON=."
}

can_make_venvs() {
    "$1" -c 'import ensurepip; ensurepip.version()' >/dev/null 2>&1
}

# Debian and Ubuntu package ensurepip separately, for each Python.
install_ensurepip() {
    package="$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    as_root=""
    [ "$(id -u)" -eq 0 ] || as_root="sudo -n"
    if command -v apt-get >/dev/null && $as_root true 2>/dev/null; then
        echo "Installing the system package $package, which Python needs to make a .venv"
        $as_root apt-get -qq update || true # the present package list may suffice
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y "$package" >/dev/null || true
    fi
    can_make_venvs "$1" || fail "$1 cannot make a .venv; install its venv package (apt-get install $package) and try again."
}

version_of() {
    "$1" -c 'import sys; print(sys.version)' 2>/dev/null
}

# An existing .venv is kept, unless it is broken or of another Python than the requested one.
is_usable() {
    .venv/bin/python -m pip --version >/dev/null 2>&1 || return 1
    [ -z "${PYTHON:-}" ] || [ "$(version_of "$PYTHON")" = "$(version_of .venv/bin/python)" ]
}

if is_usable; then
    echo "Updating .venv"
else
    python="$(find_python)"
    echo "Setting up .venv with $("$python" --version) (about a minute, once)"
    can_make_venvs "$python" || install_ensurepip "$python"
    "$python" -m venv --clear .venv
fi

# -qq: errors only. --no-compile: bytecode compilation triples the duration.
.venv/bin/python -m pip install -qq --no-compile --require-hashes -r requirements/dev.txt
.venv/bin/python -m pip install -qq --no-deps --no-build-isolation -e .
