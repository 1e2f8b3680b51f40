#!/bin/sh
# Certificates from a real ACME authority: pebble, Let's Encrypt's own server
# for tests, validates us by TLS-ALPN-01 at our own listener, then by HTTP-01.
# The certificate is checked against pebble's root; a second start asks for no
# other; nobody else's name gets one. Builds pebble outside the tree.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${INTEGRATIONS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mimamori-integrations}/acme
version=v2.10.1
command -v curl >/dev/null 2>&1 || { echo "SKIPPED acme: curl is not installed"; exit 0; }
mkdir -p "$cache"
if [ ! -x "$cache/pebble" ] || [ ! -x "$cache/pebble-challtestsrv" ]; then
	for p in pebble pebble-challtestsrv; do
		GOBIN=$cache go install "github.com/letsencrypt/pebble/v2/cmd/$p@$version" >"$cache/log" 2>&1 ||
			{ echo "SKIPPED acme: pebble could not be built:"; tail -3 "$cache/log"; exit 0; }
	done
fi
pebble=$(go mod download -json "github.com/letsencrypt/pebble/v2@$version" | sed -n 's/.*"Dir": "\(.*\)",*/\1/p')

cd "$here/../.."
work=$(mktemp -d)
pids=
trap 'for p in $pids; do kill "$p" 2>/dev/null || true; done; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
CGO_ENABLED=0 go build -o "$work/mimamori" ./cmd/mimamori
name=security.shop.example

authority() { # TLS-PORT HTTP-PORT: where it looks for us
	cat >"$work/pebble.json" <<END
{"pebble": {"listenAddress": "127.0.0.1:15401", "managementListenAddress": "127.0.0.1:15402", "certificate": "$pebble/test/certs/localhost/cert.pem",
 "privateKey": "$pebble/test/certs/localhost/key.pem", "httpPort": $2, "tlsPort": $1, "ocspResponderURL": "", "externalAccountBindingRequired": false}}
END
	PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=20 "$cache/pebble" -config "$work/pebble.json" -dnsserver 127.0.0.1:15403 >>"$work/pebble.log" 2>&1 &
	authority=$!
	pids="$pids $authority"
	within "$work/pebble.log" curl -sfk https://127.0.0.1:15402/roots/0 -o "$work/root.pem"
}
within() { # LOG COMMAND...: tries for half a minute
	log=$1 n=0
	shift
	until "$@"; do
		n=$((n + 1))
		[ "$n" -lt 60 ] || { cat "$log" >&2; grep -v "GET\|HEAD" "$work/pebble.log" | tail -20 >&2; echo "FAILED acme: $*" >&2; exit 1; }
		sleep 0.5
	done
}
serve() {
	"$work/mimamori" serve --config "$work/mimamori.yaml" >>"$work/log" 2>&1 &
	server=$!
	pids="$pids $server"
}
visit() { curl -sf --max-time 20 --cacert "$work/root.pem" --resolve "$1:15443:127.0.0.1" "https://$1:15443/healthz" -o "$work/answer"; }
orders() { grep -c 'POST /order-plz' "$work/pebble.log" || true; }

"$cache/pebble-challtestsrv" -defaultIPv4 127.0.0.1 -defaultIPv6 "" -dnsserver 127.0.0.1:15403 -http01 "" -https01 "" -tlsalpn01 "" -doh "" -management 127.0.0.1:15404 >"$work/dns.log" 2>&1 &
pids="$pids $!"
cat >"$work/mimamori.yaml" <<END
data: $work/data
public_url: https://$name
listen: 127.0.0.1:15443
console_listen: 127.0.0.1:15444
tls: {mode: acme, acme_server: 'https://localhost:15401/dir', acme_roots: $pebble/test/certs/pebble.minica.pem, http_listen: '127.0.0.1:15480'}
shop: {url: 'https://shop.example/commands'}
mail: {from: security@notice.shop.example}
END
mkdir -m 700 "$work/data"

echo "== by TLS-ALPN-01, at our own listener"
authority 15443 1
serve
within "$work/log" visit "$name"
[ "$("$work/mimamori" health --config "$work/mimamori.yaml")" = ok ]
before=$(orders)
[ "$before" -ge 1 ] || { cat "$work/pebble.log" >&2; echo "FAILED acme: no order in the log" >&2; exit 1; }

echo "== nobody else's name"
if curl -sfk --max-time 10 --resolve "evil.example:15443:127.0.0.1" https://evil.example:15443/healthz; then
	echo "FAILED acme: evil.example was served" >&2
	exit 1
fi
[ "$(orders)" = "$before" ] || { echo "FAILED acme: evil.example was asked for" >&2; exit 1; }

echo "== a second start asks for no other"
kill "$server" && wait "$server"
serve
within "$work/log" visit "$name"
[ "$(orders)" = "$before" ] || { echo "FAILED acme: another order" >&2; exit 1; }
kill "$server" && wait "$server"

echo "== by HTTP-01, where the authority reaches port 80 only"
rm -rf "$work/data/acme"
kill "$authority" && wait "$authority" 2>/dev/null || true
authority 1 15480
serve
within "$work/log" visit "$name"
[ "$(curl -s -o /dev/null -w '%{http_code} %{redirect_url}' -H "Host: $name" http://127.0.0.1:15480/signs)" = "301 https://$name/signs" ]
kill "$server" && wait "$server"
echo "ok acme: certificates by both ways, kept over a start, and for our own name only"
