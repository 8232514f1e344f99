# wirelab in a container: docker build -t wirelab . && docker run -p 8080:8080 -p 8080:8080/udp wirelab
#
# WebRTC needs the UDP port as much as the TCP one, and --announce-ip where browsers reach the container by another address
# than its own: docker-compose.yml does both, and brings a TURN server.

# Node.js for the pages' plot library, which the server's build script fetches by npm.
FROM node:22-bookworm-slim AS node

FROM rust:1.95-bookworm AS build
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /usr/local/lib/node_modules/npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
WORKDIR /src

# The dependencies first, from the manifests and crates without content: this layer stays until a manifest changes.
COPY Cargo.toml Cargo.lock ./
COPY crates/cli/Cargo.toml crates/cli/
COPY crates/link/Cargo.toml crates/link/
COPY crates/model/Cargo.toml crates/model/
COPY crates/server/Cargo.toml crates/server/
COPY crates/transport/Cargo.toml crates/transport/
RUN for crate in cli link model server transport; do mkdir -p crates/$crate/src && touch crates/$crate/src/lib.rs; done \
 && mkdir -p crates/server/tests/server crates/link/tests/labs && touch crates/server/tests/server/main.rs crates/link/tests/labs/main.rs \
 && echo 'fn main() {}' > crates/cli/src/main.rs \
 && cargo build --locked --profile dist -p wirelab \
 && rm -r crates

COPY .npmrc ./
COPY crates crates
COPY testdata testdata
COPY web web
# What was built without content is older than it is: cargo goes by times, and those of a checkout may be older still.
RUN find crates -name '*.rs' -exec touch {} + \
 && cargo build --locked --profile dist -p wirelab \
 && cp target/dist/wirelab /usr/local/bin/wirelab

FROM debian:bookworm-slim
COPY --from=build /usr/local/bin/wirelab /usr/local/bin/wirelab
# Nobody in particular, by number, so that a volume can be given to it.
USER 10001:10001
# Inside, every address: who comes in is decided by what is published. Off loopback publishing needs --admin-token-file.
ENV WIRELAB_HTTP=0.0.0.0:8080
EXPOSE 8080/tcp 8080/udp
# Readiness, in bash alone: the image has nothing that speaks HTTP. It falls while the server drains.
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /health/ready HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r line <&3 && [[ $line == *' 200 '* ]]"]
# SIGTERM drains and ends it with 0 within --grace, 8 s by default.
ENTRYPOINT ["wirelab"]
