#!/bin/sh
# Does dkimpy (Debian's python3-dkim) judge signatures and chains as we do?
# PYTHON names a python3 that has it. MIMAMORI_MAIL_CORPUS as in ../mailauth.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
for python in "${PYTHON:-}" python3 /usr/bin/python3; do
	[ -n "$python" ] && "$python" -c 'import dkim' 2>/dev/null && break
	python=
done
[ -n "$python" ] || { echo "SKIPPED dkimpy: no python3 with dkimpy here (Debian: apt-get install python3-dkim)"; exit 0; }
cd "$here/../.."
MIMAMORI_OTHER="$python $here/check.py" go test -count=1 -v -run 'C05|AgainstTheOther' ./mailcheck/auth
