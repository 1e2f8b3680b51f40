#!/bin/sh
# Do people of the desk get in by a certified identity provider (npm
# oidc-provider), and only they? Installs it outside the tree.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${INTEGRATIONS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mimamori-integrations}/oidc

command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 || { echo "SKIPPED oidc: node and npm are not installed"; exit 0; }
mkdir -p "$cache"
cp "$here/package.json" "$cache/"
if [ ! -d "$cache/node_modules/oidc-provider" ]; then
	if ! said=$(cd "$cache" && npm install --prefix "$cache" --no-audit --no-fund --no-package-lock 2>&1); then
		echo "SKIPPED oidc: npm could not install oidc-provider:"
		echo "$said" | grep 'npm error' | head -3 | cut -c1-160
		exit 0
	fi
fi
cd "$here/../.."
OIDC_FROM=$cache MIMAMORI_OIDC="node $here/server.mjs" go test -count=1 -v -run CertifiedProvider ./web/console
