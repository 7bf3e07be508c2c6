# The image: one static program and the certificate authorities, nothing else; no shell, no package manager.
# `make image` lays out target/image/root and needs no builder; with one: `tools/image root && docker build -t jumun:dev .`
FROM scratch
COPY target/image/root/ /
ENV PATH=/
USER 65532:65532
EXPOSE 8080 8081
ENTRYPOINT ["/jumun"]
