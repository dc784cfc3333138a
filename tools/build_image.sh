#!/bin/sh
# Builds the container image, for `make image`.
# IMAGE names it; IMAGE_ARGS are passed to `docker build`, such as '--platform linux/arm64'.
set -eu
image="${IMAGE:-sepsis-detect}"

fail() {
    echo "make image: $1" >&2
    exit 1
}

command -v docker >/dev/null ||
    fail "no container engine: install one that has the docker command (Debian: apt-get install docker.io) and try again."
docker info >/dev/null 2>&1 ||
    fail "the docker command is installed, but no engine answers: start it (systemctl start docker), or use an account that may."

version="$(sed -n 's/^__version__ = "\(.*\)"/\1/p' src/sepsis_detect/__init__.py)"
revision="$(git rev-parse HEAD 2>/dev/null || echo unknown)"

# --network=host: pip inside the build uses the network of this machine.
# shellcheck disable=SC2086
docker build --network=host --quiet --tag "$image" \
    --build-arg "VERSION=$version" --build-arg "REVISION=$revision" ${IMAGE_ARGS:-} . >/dev/null ||
    fail "the build failed; docker build . shows where."
docker image inspect --format '{{.Id}} {{.Size}}' "$image" |
    awk -v image="$image" '{printf "Built %s, %.0f MB with its base (%s)\n", image, $2 / 1e6, $1}'
