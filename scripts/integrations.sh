#!/bin/sh
# Runs integrations/*/test.sh, each of which holds us against other people's
# software. They are not part of make test: they install from npm, and say so
# and stop where npm is not to be had. INTEGRATIONS_CACHE is where they install
# (outside the tree); ONLY=name runs one.
set -eu
cd "$(dirname "$0")/.."
failed=
for test in integrations/*/test.sh; do
	name=$(basename "$(dirname "$test")")
	[ -z "${ONLY:-}" ] || [ "$ONLY" = "$name" ] || continue
	echo "== $name"
	sh "$test" || failed="$failed $name"
done
[ -z "$failed" ] || { echo "failed:$failed" >&2; exit 1; }
