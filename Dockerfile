# wirelab in a container: not root, and no right in the server's process that it had not anyway.
#
#   docker build -t wirelab .
#   docker run --rm -p 127.0.0.1:8080:8080/tcp -p 127.0.0.1:8080:8080/udp wirelab --visitors local
#
# The emulated link needs two more: --cap-add NET_ADMIN --device /dev/net/tun, and port 8081. docker-compose.yml has all
# of it, with a TURN server.

FROM node:22-trixie-slim AS node

FROM rust:1.95-slim-trixie AS build
# jemalloc is C and is built with make.
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev make && rm -rf /var/lib/apt/lists/*
# The build fetches the plot library with npm.
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /usr/local/lib/node_modules /usr/local/lib/node_modules
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
WORKDIR /src

# First what we depend on, with nothing of ours in it: this layer stays until a manifest changes.
COPY Cargo.toml Cargo.lock ./
COPY crates/cli/Cargo.toml crates/cli/
COPY crates/link/Cargo.toml crates/link/
COPY crates/model/Cargo.toml crates/model/
COPY crates/server/Cargo.toml crates/server/
COPY crates/transport/Cargo.toml crates/transport/
RUN for crate in link model server transport; do mkdir -p crates/$crate/src && touch crates/$crate/src/lib.rs; done \
  && for main in cli/src/main server/tests/server/main link/tests/labs/main \
    model/benches/encode server/benches/hub transport/benches/feed transport/benches/frames; do \
    mkdir -p crates/${main%/*} && echo 'fn main() {}' > crates/$main.rs; done \
  && cargo build --locked --profile dist -p wirelab

# Then us. Cargo goes by times, and these files are older than what was built in their place.
COPY crates crates
COPY web web
# What `wirelab advise --emit` is made from.
COPY docker-compose.yml ./
COPY deploy deploy
COPY coturn coturn
RUN find crates -name '*.rs' -exec touch {} + && cargo build --locked --profile dist -p wirelab

FROM debian:13-slim
COPY --from=build /src/target/dist/wirelab /usr/local/bin/wirelab
# The helper that carries the emulated link may make network devices, if the container may; the server itself may not.
# The right is on a copy, is permitted and not in effect, so that the copy also runs where it is not given.
RUN apt-get update && apt-get install -y --no-install-recommends libcap2-bin \
  && cp /usr/local/bin/wirelab /usr/local/bin/wirelab-link-helper \
  && setcap cap_net_admin+p /usr/local/bin/wirelab-link-helper \
  && apt-get purge -y --auto-remove libcap2-bin && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
  && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin wirelab \
  && install -d -m 0700 -o wirelab -g wirelab /data
USER wirelab
# The development certificate is kept in /data, and made for this run alone where that cannot be written to, which the
# usual folder of a user may be and one that was asked for not. WIRELAB_TLS_CERT and WIRELAB_TLS_KEY bring one of yours.
ENV WIRELAB_HTTP=0.0.0.0:8080 \
    WIRELAB_HTTPS=0.0.0.0:8443 \
    XDG_DATA_HOME=/data \
    WIRELAB_LINK_LISTEN=0.0.0.0:8081 \
    WIRELAB_LINK_HELPER=/usr/local/bin/wirelab-link-helper
EXPOSE 8080/tcp 8080/udp 8081/tcp 8081/udp 8443/tcp
# The image has no curl, and bash can speak enough HTTP for a yes or no.
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 CMD ["bash", "-c", \
  "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /health/ready HTTP/1.0\\r\\n\\r\\n' >&3 && grep -q '^HTTP/1.. 200' <&3"]
ENTRYPOINT ["wirelab"]
CMD ["serve"]
