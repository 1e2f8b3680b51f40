#!/bin/sh
# suite.sh test|race: what the tests need, the checks, then every test once,
# in parts, each with its seconds. The race detector watches the packages
# without store or browser in which anything runs beside anything; with `race`
# it watches all. Go's test cache stays in use: what did not change is not run
# again. The last lines are go test's.
set -eu
cd "$(dirname "$0")/.."
mode=${1:-test}
loud=600 most=1800 # seconds, from the first to the last

# One set of compiled packages for the program, the checks and the tests: from
# cold, each further set is two minutes of both cores. The race detector needs
# cgo and has a set of its own.
export CGO_ENABLED=0 GOFLAGS="${GOFLAGS:-} -trimpath"

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
trap 'exit 130' INT TERM
began=$(date +%s)
failed=

since() { echo $(($(date +%s) - $1)); }
took() { printf -- '-- %s: %s s\n\n' "$1" "$(since "$2")"; }

# part NAME COMMAND...: runs it in sight; a failure is remembered, not the end.
part() {
	name=$1 at=$(date +%s)
	shift
	echo "== $name"
	"$@" || failed="$failed $name"
	took "$name" "$at"
}

# tests NAME FLAG PACKAGES: as part, for go test.
tests() {
	[ -n "$3" ] || return 0
	# shellcheck disable=SC2086 # lists of flags and packages
	part "$1" logged "$1" env CGO_ENABLED="$(cgo "$2")" go test -timeout 20m $2 $3
}

cgo() { case $1 in *-race*) echo 1 ;; *) echo 0 ;; esac; }

logged() {
	log=$logs/$1
	shift
	{ "$@" 2>&1 && echo 0 >"$log.rc" || echo 1 >"$log.rc"; } | tee "$log"
	[ "$(cat "$log.rc")" = 0 ]
}

# Which package belongs to which part is read from what its tests need, and
# from whether its own files, tests included, have a goroutine or a lock.
sort_packages() {
	grep -lrE --include='*.go' '(^|[[:space:]])go (func|[A-Za-z_.]+\()|\.Go\(|t\.Parallel\(|synctest|httptest\.New|sync\.|atomic\.' . |
		sed -n 's|^\./\(.*\)/[^/]*$|mimamori/\1|p' | sort -u >"$logs/beside"
	go list -test -f '{{.ImportPath}}{{range .Deps}} {{.}}{{end}} ' ./... | awk -v beside="$logs/beside" '
		BEGIN { while ((getline name < beside) > 0) together[name] = 1; together["mimamori"] = 1 }
		$1 !~ /\.test$/ { next }
		{ name = substr($1, 1, length($1) - 5) }
		name == "mimamori/undo"            { print "stores", name; next } # ten thousand histories, one goroutine
		/ github.com\/chromedp\/chromedp / { print "browser", name; next }
		/ mimamori\/(app|flowtest) /       { print "stories", name; next }
		/ modernc.org\/sqlite /            { print "stores", name; next }
		name in together                   { print "rules", name; next }
		                                   { print "plain", name }' >"$logs/packages"
}
packages() { sed -n "s/^$1 //p" "$logs/packages" | tr '\n' ' '; }

part tools scripts/tools.sh
[ -z "$failed" ] || exit 1
if [ "$mode" = test ]; then
	part build make --no-print-directory build
	part check make --no-print-directory check
fi
sort_packages

watch=-race
if ! command -v gcc >/dev/null 2>&1 && ! command -v clang >/dev/null 2>&1; then
	echo "no C compiler: the tests run WITHOUT the race detector" && watch=
fi
all=
[ "$mode" = race ] && all=$watch
tests rules "$watch" "$(packages rules)"
tests stories "$all" "$(packages stories) $(packages stores) $(packages plain)" # the long ones first
# The same stories on the second store; those with processes of their own are
# told once, above. The conformance suite ran with the stores.
export MIMAMORI_TEST_STORE=postgres
tests postgres "$all -run Night|Mall|Late|Liar|ShopDown|Alarm|A04|A13|A21|B0|C09|G04|G08" mimamori/flowtest
unset MIMAMORI_TEST_STORE

# The last part is held back until the time of the whole is known, so that
# nothing follows go test's own closing lines.
at=$(date +%s)
# shellcheck disable=SC2046,SC2086
env CGO_ENABLED="$(cgo "$all")" go test -timeout 20m $all $(packages browser) >"$logs/browser" 2>&1 || failed="$failed browser"
total=$(since "$began")
echo "== browser: $(since "$at") s"
echo "-- in all: $total s"
if [ "$total" -gt "$most" ]; then
	echo "!! OVER $((most / 60)) MINUTES: that is a failure. Which part grew?"
	failed="$failed time"
elif [ "$total" -gt "$loud" ]; then
	echo "!! OVER $((loud / 60)) MINUTES. Which part grew?"
fi
[ -z "$failed" ] || echo "!! FAILED:$failed"
cat "$logs/browser"
if [ -n "$failed" ]; then
	grep -hE '^(FAIL|--- FAIL|panic:)' "$logs"/* | sort -u || true
	exit 1
fi
