FROM debian:12
# ruleid: config-dockerfile-tls-off
RUN curl -sk https://files.internal/tool -o /opt/tool
# ruleid: config-dockerfile-tls-off
RUN wget --no-check-certificate https://files.internal/tool
# ruleid: config-dockerfile-tls-off
RUN pip install --trusted-host pypi.internal tool
# ruleid: config-dockerfile-tls-off
ENV NODE_TLS_REJECT_UNAUTHORIZED=0
# ok: config-dockerfile-tls-off
RUN curl -fsSL https://files.internal/tool-k -o /opt/tool
# ok: config-dockerfile-tls-off
RUN pip install tool
# ok: config-dockerfile-tls-off
ENV NODE_TLS_REJECT_UNAUTHORIZED=1
