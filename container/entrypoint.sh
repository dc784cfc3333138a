#!/bin/sh
# One image, two ways to run: a Lambda function where Lambda's runtime API is, else the HTTP server.
# A command given to `docker run` runs instead of either.
set -eu
trap 'exit 143' TERM

WORKER_MEGABYTES=200 # a worker needs at most 150; the rest is for large batches
SHADOW_MEGABYTES=100 # the process of a shadow model, one for each worker

# Whole cores this container may use: those it may run on, or less if its share of time is limited.
usable_cores() {
    cores="$(nproc)"
    quota=max period=1
    if [ -r /sys/fs/cgroup/cpu.max ]; then
        read -r quota period </sys/fs/cgroup/cpu.max
    elif [ -r /sys/fs/cgroup/cpu/cpu.cfs_quota_us ]; then
        read -r quota </sys/fs/cgroup/cpu/cpu.cfs_quota_us
        read -r period </sys/fs/cgroup/cpu/cpu.cfs_period_us
    fi
    case "$quota" in
    max | -1) ;;
    *)
        limit=$(((quota + period - 1) / period))
        [ "$limit" -ge "$cores" ] || cores="$limit"
        ;;
    esac
    echo "$cores"
}

# Workers that fit in the memory of this container.
fitting_workers() {
    bytes=max
    for file in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do
        if [ -r "$file" ]; then
            read -r bytes <"$file"
            break
        fi
    done
    [ "$bytes" != max ] || bytes=$((1 << 62))
    megabytes=$WORKER_MEGABYTES
    [ -z "${SEPSIS_SHADOW_MODEL_URI:-}" ] || megabytes=$((megabytes + SHADOW_MEGABYTES))
    echo $((bytes / (megabytes << 20)))
}

workers() {
    cores="$(usable_cores)"
    fitting="$(fitting_workers)"
    [ "$fitting" -ge "$cores" ] || cores="$fitting"
    [ "$cores" -ge 1 ] || cores=1
    echo "$cores"
}

if [ "$#" -gt 0 ]; then
    exec "$@"
elif [ -n "${AWS_LAMBDA_RUNTIME_API:-}" ]; then
    exec python -m awslambdaric sepsis_detect.handler.handler
else
    # The kernel drops a signal for the first process until that listens; a blocked one it keeps.
    exec env --block-signal=TERM \
        sepsis-detect serve --host 0.0.0.0 --port 8080 --workers "${WEB_CONCURRENCY:-$(workers)}"
fi
