FROM debian:12 AS one
# ruleid: config-dockerfile-root-user
USER root
CMD ["sleep", "1"]

FROM debian:12 AS two
# ruleid: config-dockerfile-root-user
USER 0:0
RUN apt-get update
ENTRYPOINT ["sleep", "1"]

FROM debian:12 AS three
# ok: config-dockerfile-root-user
USER root
RUN apt-get update
# ok: config-dockerfile-root-user
USER app
CMD ["sleep", "1"]
