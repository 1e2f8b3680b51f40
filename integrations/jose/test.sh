#!/bin/sh
# Does npm jose, which knows nothing of us, take our security event tokens, and
# refuse them altered? Installs jose outside the tree.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${INTEGRATIONS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mimamori-integrations}/jose

command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 || { echo "SKIPPED jose: node and npm are not installed"; exit 0; }
mkdir -p "$cache"
cp "$here/package.json" "$cache/"
if [ ! -d "$cache/node_modules/jose" ]; then
	if ! said=$(cd "$cache" && npm install --prefix "$cache" --no-audit --no-fund --no-package-lock 2>&1); then
		echo "SKIPPED jose: npm could not install it:"
		echo "$said" | grep 'npm error' | head -3 | cut -c1-160
		exit 0
	fi
fi
cd "$here/../.."
JOSE_FROM=$cache MIMAMORI_JOSE="node $here/check.mjs" go test -count=1 -v -run JudgedByJose ./ssf
