# One image for every role: `serve` (public, the default), `serve --surface private`, `keeper`, and each command of
# `feedsrv`. The private role listens inside its container only until FEEDSRV_PRIVATE_BIND says otherwise.
# Nothing is written outside /data and /dev/shm, so run it with a read-only root file system:
#   docker run --read-only --tmpfs /tmp -v feedsrv:/data -p 8080:8080 feedsrv
# Give the public role the shelf alone, read-only; the keys and the database are the keeper's.

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/feedsrv
COPY requirements.lock ./
RUN /opt/feedsrv/bin/pip install --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY feedsrv feedsrv
RUN /opt/feedsrv/bin/pip install --no-deps .

FROM python:3.11-slim-bookworm
RUN groupadd --gid 10001 feedsrv \
    && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin feedsrv \
    && install -d -o 10001 -g 10001 /data
COPY --from=build /opt/feedsrv /opt/feedsrv
COPY mitigations /opt/feedsrv/mitigations
ENV PATH=/opt/feedsrv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    FEEDSRV_DATA=/data \
    FEEDSRV_BIND=0.0.0.0:8080
USER 10001:10001
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
ENTRYPOINT ["feedsrv"]
CMD ["serve"]
