FROM debian:12
# ruleid: config-dockerfile-remote-add
ADD http://files.internal/tool.tar.gz /opt/
# ruleid: config-dockerfile-remote-add
ADD https://files.internal/tool /usr/local/bin/tool
# ok: config-dockerfile-remote-add
ADD --checksum=sha256:24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d https://files.internal/tool /opt/
# ok: config-dockerfile-remote-add
ADD tool.tar.gz /opt/
# ok: config-dockerfile-remote-add
COPY tool /opt/
