#!/bin/sh
# rootfs.sh: puts together by hand the root that deploy/Containerfile makes,
# and runs the program in it under chroot, as nobody: no shell, no libc, no
# time zones, no other file. Shows that the image needs nothing else. As root,
# after make build.
set -eu
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "rootfs.sh: chroot needs root" >&2; exit 1; }
root=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$root"' EXIT
trap 'exit 130' INT TERM
chmod 755 "$root"

# The steps of deploy/Containerfile.
mkdir -p "$root/etc/ssl/certs" "$root/etc/mimamori" "$root/var/lib/mimamori" "$root/tmp"
cp bin/mimamori "$root/mimamori"
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
printf 'mimamori:x:65532:65532::/var/lib/mimamori:/none\n' >"$root/etc/passwd"
chown -R 65532:65532 "$root/var/lib/mimamori" "$root/etc/mimamori"
chmod 1777 "$root/tmp"

inside() { chroot --userspec=65532:65532 "$root" "$@"; }
echo "files in the root:"
(cd "$root" && find . -type f | sort)
inside /mimamori version
inside /mimamori quickstart --yes --dir /etc/mimamori --data /var/lib/mimamori --domain shop.example --shop-ja お店 --shop-en Shop \
	--mail-server 127.0.0.1:25 --mail-tls none --time-zone Asia/Tokyo --phone 0120-000-000 --listen 127.0.0.1:18420 --console-listen 127.0.0.1:18421 >"$root/said"
chroot --userspec=65532:65532 "$root" /mimamori serve --config /etc/mimamori/mimamori.yaml >"$root/log" 2>&1 &
server=$!
n=0
until inside /mimamori health --config /etc/mimamori/mimamori.yaml 2>/dev/null; do
	n=$((n + 1))
	if [ "$n" -ge 40 ]; then
		cat "$root/log" >&2
		exit 1
	fi
	sleep 0.25
done
kill "$server"
wait "$server"
server=
echo "served, answered health, and ended: it needs nothing else"
