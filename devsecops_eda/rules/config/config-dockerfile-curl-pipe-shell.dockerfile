FROM debian:12
# ruleid: config-dockerfile-curl-pipe-shell
RUN curl -fsSL https://get.internal/install.sh | sh
# ruleid: config-dockerfile-curl-pipe-shell
RUN apt-get update && wget -qO- https://get.internal/install.sh | sudo -E bash -
# ok: config-dockerfile-curl-pipe-shell
RUN curl -fsSLo install.sh https://get.internal/install.sh && sha256sum -c install.sum && sh install.sh
# ok: config-dockerfile-curl-pipe-shell
RUN curl -fsSL https://get.internal/key.asc | gpg --dearmor -o /usr/share/keyrings/own.gpg
