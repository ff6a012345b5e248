#!/bin/sh
# Makes a release in dist/: static binaries, Debian packages, archives, what a
# container needs, and their checksums. The same commit gives the same octets.
set -eu
cd "$(dirname "$0")/.."
go=${GO:-go}
version=${VERSION:-$(git describe --tags --always --dirty 2>/dev/null | sed 's/^v//')}
case $version in [0-9]*) ;; *) version=0.1.0~git$version ;; esac
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH="$epoch" CGO_ENABLED=0 VERSION="$version"
rm -rf dist
mkdir -p dist
(cd packaging && $go build -trimpath -o ../dist/nfpm github.com/goreleaser/nfpm/v2/cmd/nfpm)
build() { # architecture
	$go build -trimpath -buildvcs=false -ldflags "-s -w -buildid= -X main.version=$version" -o "dist/linux-$1/gomail" ./cmd/gomail
}
GOARCH=$($go env GOHOSTARCH) $go build -trimpath -buildvcs=false -ldflags "-X main.version=$version" -o dist/host ./cmd/gomail
for arch in ${ARCHS:-amd64 arm64}; do
	GOOS=linux GOARCH=$arch build $arch
	out=dist/linux-$arch
	dist/host manual "$out"
	gzip -9n "$out"/man/*
	ARCH=$arch OUT=$out dist/nfpm package --config packaging/nfpm.yaml --packager deb --target "dist/gomail_${version}_$arch.deb" >/dev/null
	tar --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner -C dist -cf - "linux-$arch" | gzip -9n >"dist/gomail-$version-linux-$arch.tar.gz"
done
rm dist/host dist/nfpm
if [ -e /etc/ssl/certs/ca-certificates.crt ]; then
	cp /etc/ssl/certs/ca-certificates.crt dist/
fi
# The container image, where there is an engine; from scratch, so that nothing
# but this commit decides what is in it.
for engine in podman docker; do
	if $engine info >/dev/null 2>&1; then
		$engine build --build-arg TARGETARCH="$($go env GOHOSTARCH)" -f packaging/Containerfile -t "gomail:$(echo "$version" | tr '~+' '--')" .
		break
	fi
done
(cd dist && sha256sum ./*.deb ./*.tar.gz >SHA256SUMS && cat SHA256SUMS)
