#!/bin/sh
# Installs what the tests need beside Go: a C compiler for the race detector,
# chromium with Japanese fonts and axe-core (through npm) for the pages, curl
# for README's lines, PostgreSQL's server for the second store.
# What is there already is left alone, so that a second run costs nothing.
# Where it may not install, it says exactly what to install; the tests that
# need it are then left out, and with CI=true that is a failure.
set -eu
cd "$(dirname "$0")/.."

axe=$(sed -n 's/.*"axe-core": "\([0-9.]*\)".*/\1/p' package.json)

has() { command -v "$1" >/dev/null 2>&1; }
has_cc() { has gcc || has clang; }
has_browser() { [ -n "${CHROMIUM_PATH:-}" ] || has chromium || has chromium-browser || has google-chrome; }
has_fonts() { find /usr/share/fonts /usr/local/share/fonts "${HOME:-/root}/.fonts" "${HOME:-/root}/.local/share/fonts" \
	-iname '*cjk*' 2>/dev/null | grep -q .; }
has_postgres() { has postgres || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; }
has_axe() { [ -n "${AXE_PATH:-}" ] || grep -qs "\"version\": \"$axe\"" node_modules/axe-core/package.json; }

# missing prints the Debian packages that would fill the gaps.
missing() {
	has_cc || echo gcc libc6-dev
	has_browser || echo chromium
	has_fonts || echo fonts-noto-cjk
	has curl || echo curl
	has strace || echo strace # faults under a process: faulttest
	has_postgres || echo postgresql
	has_axe || { has npm || echo npm; }
}

install() {
	export DEBIAN_FRONTEND=noninteractive
	# Debian's package would start a server of its own; the tests start theirs.
	if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
		mkdir -p /etc/postgresql-common
		echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
	fi
	find /var/lib/apt/lists -name '*_Packages*' 2>/dev/null | grep -q . || apt-get update -q
	# Lists may be older than what the archive still serves: then once more.
	apt-get install -q -y --no-install-recommends "$@" ||
		{ apt-get update -q && apt-get install -q -y --no-install-recommends "$@"; }
}

want=$(missing | tr '\n' ' ')
if [ -n "$want" ] && [ "$(id -u)" = 0 ] && has apt-get; then
	echo "installing $want"
	# shellcheck disable=SC2086 # a list of names
	said=$(install $want 2>&1) || echo "$said" >&2
	want=$(missing | tr '\n' ' ')
fi
if ! has_axe && has npm; then
	echo "installing axe-core $axe"
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2 || true
fi

lack=
[ -z "$want" ] || lack="as root: apt-get update && apt-get install -y $want"
has_axe || lack="$lack${lack:+
    }here: npm ci --ignore-scripts   (axe-core $axe)"
[ -n "$lack" ] || exit 0
cat >&2 <<END

  The tests need what this machine lacks and this user may not install:
    $lack
END
if [ "${CI:-}" = true ]; then
	echo "  CI=true: that is a failure." >&2
	exit 1
fi
echo "  The tests that need it are left out." >&2
