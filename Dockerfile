# syntax=docker/dockerfile:1
# The container image: `./dev image`, or `docker build -t caisson .`

ARG BASE=debian:12-slim

FROM ${BASE} AS build
WORKDIR /source
RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-venv
# What changes seldom comes first, so a changed source file does not fetch the engines again.
COPY dev ./
COPY tools/ tools/
COPY tests/compat/requirements/ tests/compat/requirements/
RUN ./dev setup
COPY CMakeLists.txt CMakePresets.json ./
COPY cmake/ cmake/
COPY src/ src/
RUN --mount=type=cache,target=/var/cache/ccache \
    CCACHE_DIR=/var/cache/ccache ./dev build bin/caisson && strip build/bin/caisson

FROM ${BASE}
LABEL org.opencontainers.image.title="Caisson" \
      org.opencontainers.image.description="Everything between a dataset and a model that is trusted in production" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN --mount=type=bind,from=build,source=/source,target=/source \
    apt-get update && \
    apt-get install -y --no-install-recommends $(/source/dev packages image) && \
    rm -rf /var/lib/apt/lists/* && \
    useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin caisson && \
    install -d -o caisson -g caisson -m 0750 /data
# The program looks for its engines in ../engines, as seen from itself.
COPY --from=build /source/build/bin/caisson /opt/caisson/bin/caisson
COPY --from=build /source/build/engines/ /opt/caisson/engines/
COPY LICENSE NOTICE /opt/caisson/
ENV PATH=/opt/caisson/bin:$PATH \
    CAISSON_ENGINES_DIR=/opt/caisson/engines

USER caisson
WORKDIR /data
VOLUME /data
EXPOSE 4600
# Liveness alone: recovery after a crash may take a while, and must not get the container killed.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/4600 && printf 'GET /livez HTTP/1.0\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]
ENTRYPOINT ["caisson"]
# An address that is not loopback needs a login. Make a token with `caisson token create NAME`, mount the
# file that it names, and run `docker run ... caisson up --data /data --http 0.0.0.0:4600 --token-file FILE`;
# without it the server refuses to start and says so.
CMD ["up", "--data", "/data", "--http", "0.0.0.0:4600"]
