#!/bin/sh
# Installs Chromium, if there is none, for the tests of the page and its screenshots. Called by `make test`.
set -eu

found() {
    for candidate in chromium-headless-shell chromium chromium-browser google-chrome google-chrome-stable; do
        command -v "$candidate" >/dev/null && return 0
    done
    return 1
}

install() {
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq install -y --no-install-recommends "$1" fonts-dejavu-core >/dev/null
}

found && exit 0
as_root=""
[ "$(id -u)" -eq 0 ] || as_root="sudo -n"
if command -v apt-get >/dev/null && $as_root true 2>/dev/null; then
    echo "Installing the system package chromium-headless-shell, in which the page is tested"
    $as_root apt-get -qq update || true # the present package list may suffice
    install chromium-headless-shell || install chromium || true
fi
found && exit 0
echo "No Chromium found (looked for chromium and google-chrome) and none could be installed: tests of the page will be skipped." >&2
[ -z "${CI:-}" ]
