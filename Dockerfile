# The runner in a container: one image for every role, without compilers, package managers' caches or secrets.
# Everything it keeps lies in /data. The root file system may be read-only, with a tmpfs on /tmp.

FROM node:22-bookworm-slim AS packages
WORKDIR /opt/switchyard
COPY package.json package-lock.json .npmrc ./
# The Node that runs us is one of these packages, pinned by the lock file; the image's own only installs.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
    && ln -s "$(ls -d /opt/switchyard/node_modules/node-linux-*/bin/node)" /opt/switchyard/node

FROM debian:bookworm-slim
# bubblewrap: the walls of sandboxes. util-linux: their limits. python3: packs written in it. certificates: for devices.
RUN apt-get update \
    && apt-get install -y --no-install-recommends bubblewrap ca-certificates python3 util-linux \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 switchyard \
    && useradd --uid 10001 --gid switchyard --home-dir /data --no-create-home --shell /usr/sbin/nologin switchyard \
    && install -d -o switchyard -g switchyard -m 0700 /data
WORKDIR /opt/switchyard
COPY --from=packages /opt/switchyard ./
COPY package.json LICENSE ./
COPY scripts ./scripts
COPY src ./src
COPY integrations ./integrations
RUN ln -s /opt/switchyard/node /usr/local/bin/node && ln -s /opt/switchyard/scripts/cli.mjs /usr/local/bin/switchyard

ENV SWITCHYARD_DATA=/data \
    SWITCHYARD_HOST=0.0.0.0 \
    SWITCHYARD_PORT=8080 \
    NODE_COMPILE_CACHE=/tmp/node-cache
VOLUME /data
EXPOSE 8080
USER 10001:10001
# Of an API and of the whole system whether it answers, of a worker whether it holds its lease.
HEALTHCHECK --interval=15s --timeout=10s --start-period=30s --retries=3 \
    CMD ["node", "--disable-warning=ExperimentalWarning", "scripts/health.mjs"]
ENTRYPOINT ["node", "--disable-warning=ExperimentalWarning", "--max-semi-space-size=2", "src/main.ts"]
