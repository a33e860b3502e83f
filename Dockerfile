# The server as one static binary on nothing else: no shell, no libraries, no root, and
# nothing that it has to write to. Build it with a version that you can name:
#   docker build -t mobilepay:1.0.0 .
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /mobilepay .

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /mobilepay /mobilepay
COPY LICENSE /LICENSE
# That of "nonroot", by number: Kubernetes checks runAsNonRoot by it.
USER 65532:65532
# Folders for files of the bank are mounted; the rest of the file system is read-only.
WORKDIR /data
EXPOSE 8080
ENTRYPOINT ["/mobilepay"]
CMD ["serve"]
