#!/bin/sh
# Do our signed notices verify in npm mailauth, and does it judge mails as
# mailcheck/auth does? Installs mailauth outside the tree. MIMAMORI_MAIL_CORPUS may
# name a folder of .eml files with recorded-dns.json beside them.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${INTEGRATIONS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mimamori-integrations}/mailauth

command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 || { echo "SKIPPED mailauth: node and npm are not installed"; exit 0; }
mkdir -p "$cache"
cp "$here/package.json" "$cache/"
if ! grep -qs '"version": "7.1.0"' "$cache/node_modules/mailauth/package.json"; then
	if ! said=$(cd "$cache" && npm install --prefix "$cache" --no-audit --no-fund --no-package-lock 2>&1); then
		echo "SKIPPED mailauth: npm could not install it:"
		echo "$said" | grep 'npm error' | head -3 | cut -c1-160
		exit 0
	fi
fi
cd "$here/../.."
NODE_PATH=$cache/node_modules MIMAMORI_OTHER="node $here/check.js" go test -count=1 -v -run 'C05|AgainstTheOther' ./mailcheck/auth
