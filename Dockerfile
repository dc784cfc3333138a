# One image for EC2 and Lambda; docs/container.md tells how to run it. Build it with `make image`.
#
# BASE may be given with a digest (python:3.13-slim-trixie@sha256:...), so that a build can be repeated exactly.
# Nothing here depends on the architecture: `docker build --platform linux/arm64` makes the image for Graviton.
# Classic builder and BuildKit both build it: no syntax line, heredoc, mount or `COPY --link`.
ARG BASE=python:3.13-slim-trixie

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
RUN python -m venv --without-pip /opt/sepsis-detect && python -m venv --without-pip /opt/hatch

# What changes rarely comes first: these layers are built again only when a lock file changes.
COPY requirements/build.txt requirements/serve.txt requirements/
RUN pip --python /opt/sepsis-detect/bin/python install --quiet --no-compile --require-hashes --only-binary :all: -r requirements/serve.txt \
    && pip --python /opt/hatch/bin/python install --quiet --no-compile --require-hashes --only-binary :all: -r requirements/build.txt

COPY LICENSE pyproject.toml ./
COPY src src
RUN pip --python /opt/hatch/bin/python wheel --quiet --no-deps --no-build-isolation --wheel-dir wheel . \
    && pip --python /opt/sepsis-detect/bin/python install --quiet --no-compile --no-deps --no-index wheel/*.whl \
    && find /opt/sepsis-detect -depth -type d \( -name tests -o -name test \) -exec rm -rf {} + \
    && python -m compileall -q --invalidation-mode unchecked-hash /opt/sepsis-detect/lib

FROM ${BASE}
# The root file system is read-only, so that no bytecode can be kept later: the standard library gets its own now.
# Then pip goes, the base's too: a running service installs nothing.
RUN stdlib="$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
    && python -m compileall -q --invalidation-mode unchecked-hash \
    -x '/(test|tests|idlelib|tkinter|turtledemo|ensurepip|site-packages|dist-packages)/' "$stdlib" \
    && rm -rf "$stdlib/ensurepip" "$stdlib"/site-packages/pip* /usr/lib/python3/dist-packages/pip* \
    /usr/local/bin/pip* /usr/bin/pip* /usr/share/python-wheels
COPY --from=build /opt/sepsis-detect /opt/sepsis-detect
COPY container/entrypoint.sh container/healthcheck.py /opt/

ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Sepsis Detect" \
    org.opencontainers.image.description="Early warning of sepsis in adult intensive care. Research software, not a medical device." \
    org.opencontainers.image.vendor="MedTech Detect" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"

# ONNX Runtime reports home unless this is set before its import; the package sets it too.
# glibc's malloc: one arena, as threads take turns anyway; blocks of 1 MiB and more go back to the system when freed;
# 4 MiB stay for the next request.
ENV ORT_DISABLE_TELEMETRY=1 \
    MALLOC_ARENA_MAX=1 \
    MALLOC_MMAP_THRESHOLD_=1048576 \
    MALLOC_TRIM_THRESHOLD_=4194304 \
    PATH=/opt/sepsis-detect/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=15s --retries=3 CMD ["python", "-I", "-S", "/opt/healthcheck.py"]
ENTRYPOINT ["/opt/entrypoint.sh"]
