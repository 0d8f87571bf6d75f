# Two images of one file. `docker build --target program .` is the gate, CI jobs and the worker of
# the check `commit`; without a target the scanners come on top, for the workers that run them.
# docs/containers.md says how to build, pin and run it, and what was never tried in an engine.

# Name it with its digest (python:3.12-slim-bookworm@sha256:…) to build the same again.
ARG BASE_IMAGE=python:3.12-slim-bookworm

# What builds stays here: pip, setuptools and the sources are in no layer that is run.
FROM ${BASE_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY requirements/run.txt requirements/run.txt
RUN python -m venv /opt/devsecops-eda && \
    /opt/devsecops-eda/bin/python -m pip install \
        --require-hashes --only-binary :all: -r requirements/run.txt
COPY LICENSE README.md pyproject.toml setup.cfg ./
COPY devsecops_eda devsecops_eda
COPY events events
# The build back end is one of the locked packages; nothing is fetched for it.
RUN /opt/devsecops-eda/bin/python -m pip wheel --no-deps --no-build-isolation \
        --wheel-dir dist . && \
    /opt/devsecops-eda/bin/python -m pip install --no-deps --no-index dist/*.whl && \
    /opt/devsecops-eda/bin/python -m pip check && \
    /opt/devsecops-eda/bin/python -m pip uninstall --yes setuptools pip

# The scanners, each from its own hashed list, at the place where they will be found: an environment
# cannot be moved.
FROM build AS scanners
RUN DEVSECOPS_EDA_STATE_DIR=/var/lib/devsecops-eda \
        /opt/devsecops-eda/bin/devsecops-eda scanners install && \
    find /var/lib/devsecops-eda/scanners -name '.*.lock' -delete

FROM ${BASE_IMAGE} AS program
ARG BASE_IMAGE
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="devsecops-eda" \
      org.opencontainers.image.description="Event-driven DevSecOps on RabbitMQ" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE_IMAGE}"
# git and ssh fetch what is scanned, bubblewrap is the sandbox. The version of a Debian package that
# is pinned here would be gone from the archive with the next security update.
# hadolint ignore=DL3008
RUN apt-get update && \
    apt-get install -y --no-install-recommends bubblewrap ca-certificates git openssh-client && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/apt /var/log/dpkg.log && \
    groupadd --gid 10001 devsecops && \
    useradd --uid 10001 --gid 10001 --home-dir /var/lib/devsecops-eda --no-create-home \
        --shell /usr/sbin/nologin devsecops && \
    install -d -m 0755 /var/lib/devsecops-eda && \
    install -d -o 10001 -g 10001 -m 0750 /var/lib/devsecops-eda/evidence \
        /var/lib/devsecops-eda/mirrors /var/lib/devsecops-eda/osv /var/lib/devsecops-eda/spool \
        /var/lib/devsecops-eda/work /var/lib/devsecops-eda/made
COPY --from=build /opt/devsecops-eda /opt/devsecops-eda
ENV PATH=/opt/devsecops-eda/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DEVSECOPS_EDA_STATE_DIR=/var/lib/devsecops-eda \
    DEVSECOPS_EDA_GATE_METRICS=0.0.0.0:9109 \
    DEVSECOPS_EDA_WORKER_METRICS=0.0.0.0:9109
USER 10001:10001
WORKDIR /var/lib/devsecops-eda
EXPOSE 9109
# 503 means that only a new start helps; a broker that is away does not.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:9109/healthz', timeout=4)"]
ENTRYPOINT ["devsecops-eda"]
CMD ["--help"]

# The last one is what is built without a target.
FROM program AS worker
COPY --from=scanners /var/lib/devsecops-eda/scanners /var/lib/devsecops-eda/scanners
