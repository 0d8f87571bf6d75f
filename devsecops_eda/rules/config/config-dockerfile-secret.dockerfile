FROM debian:12
ARG VERSION=1.2
# ruleid: config-dockerfile-secret
ENV DB_PASSWORD=fake-image-secret
# ruleid: config-dockerfile-secret
ARG API_KEY="fAkeKey0123"
# ok: config-dockerfile-secret
ENV DB_PASSWORD_FILE=/run/secrets/db
# ok: config-dockerfile-secret
ENV DB_USER=app
# ok: config-dockerfile-secret
ARG API_KEY
# ok: config-dockerfile-secret
ENV DB_PASSWORD=$DB_PASSWORD
