#!/bin/sh
# reproducible.sh [COMMIT]: checks a commit out twice, into two folders, builds
# each with an empty build cache, and compares the programs byte for byte.
# Minutes of work: not part of make test. Also says what the sum is, to be
# compared with that of somebody else's build by the same Go.
set -eu
cd "$(dirname "$0")/.."
commit=$(git rev-parse --verify "${1:-HEAD}^{commit}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
for n in one another/deeper; do
	mkdir -p "$work/$n"
	git clone -q --no-hardlinks . "$work/$n/tree"
	git -C "$work/$n/tree" checkout -q --detach "$commit"
	echo "building $commit in $work/$n"
	(cd "$work/$n/tree" && GOCACHE=$work/cache CGO_ENABLED=0 GOFLAGS= ${GO:-go} build -trimpath -o ../mimamori ./cmd/mimamori)
	chmod -R u+w "$work/cache" && rm -rf "$work/cache"
done
if ! cmp "$work/one/mimamori" "$work/another/deeper/mimamori"; then
	echo "the two differ" >&2
	exit 1
fi
sum=$(sha256sum "$work/one/mimamori" | cut -d ' ' -f 1)
echo "the same twice: $sum ($(${GO:-go} version))"
