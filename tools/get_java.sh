#!/bin/sh
# Installs Java, if there is none, for the tests of Spark. Called by `make test`.
set -eu

found() {
    command -v java >/dev/null
}

found && exit 0
as_root=""
[ "$(id -u)" -eq 0 ] || as_root="sudo -n"
if command -v apt-get >/dev/null && $as_root true 2>/dev/null; then
    echo "Installing the system package default-jre-headless, on which Spark runs"
    $as_root apt-get -qq update || true # the present package list may suffice
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq install -y --no-install-recommends default-jre-headless >/dev/null || true
fi
found && exit 0
echo "No Java found and it could not be installed: tests of Spark will be skipped." >&2
[ -z "${CI:-}" ]
