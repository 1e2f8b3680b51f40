#!/bin/sh
# The night story at a real Vendure shop: builds the plugin, starts Vendure with
# it and mimamori serve, and plays it (e2e/night.mjs). Installs and builds
# outside the tree; says why when npm cannot be reached.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${INTEGRATIONS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mimamori-integrations}/vendure

command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 || { echo "SKIPPED vendure: node and npm are not installed"; exit 0; }
mkdir -p "$cache"
if ! cmp -s "$here/package.json" "$cache/package.json" || [ ! -e "$cache/installed" ]; then
	rm -f "$cache/installed"
	cp "$here/package.json" "$cache/"
	if ! said=$(cd "$cache" && npm install --prefix "$cache" --legacy-peer-deps --no-audit --no-fund --no-package-lock 2>&1); then
		echo "SKIPPED vendure: npm could not install it:"
		echo "$said" | grep 'npm error' | head -3 | cut -c1-160
		exit 0
	fi
	touch "$cache/installed"
fi
rm -rf "$cache/src" "$cache/e2e" "$cache/dist"
cp -R "$here/src" "$here/e2e" "$here/tsconfig.json" "$cache/"
(cd "$cache" && node_modules/.bin/tsc -p .)
(cd "$here/../.." && go build -trimpath -o "$cache/mimamori" ./cmd/mimamori)
cd "$cache" && exec node e2e/night.mjs "$cache/mimamori" "$cache/dist/index.js"
