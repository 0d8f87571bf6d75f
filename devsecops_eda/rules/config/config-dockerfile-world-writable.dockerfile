FROM debian:12
# ruleid: config-dockerfile-world-writable
RUN chmod 777 /srv
# ruleid: config-dockerfile-world-writable
RUN mkdir -p /srv/data && chmod -R a+rwx /srv/data
# ok: config-dockerfile-world-writable
RUN chmod 755 /srv
# ok: config-dockerfile-world-writable
RUN chmod +x /usr/local/bin/start
# ok: config-dockerfile-world-writable
RUN chmod 1777 -v /tmp || chmod u+w /srv
