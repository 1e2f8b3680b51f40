# check.py JOBS.json: as ../mailauth/check.js, by dkimpy (python3-dkim): DKIM
# and ARC, with the clock at the time of receipt.
import datetime
import json
import sys
import time

import dkim


def judge(mail, dns):
    raw = open(mail["file"], "rb").read()
    if raw.startswith(b"From "):
        raw = raw.split(b"\n", 1)[1]
    at = datetime.datetime.fromisoformat(mail["at"].replace("Z", "+00:00")).timestamp()
    time.time = lambda: at

    def lookup(name, timeout=5):
        name = (name.decode() if isinstance(name, bytes) else name).rstrip(".").lower()
        return "".join(dns[name]).encode() if dns.get(name) else None

    def outcome(check):
        try:
            return "pass" if check() else "fail", ""
        except Exception as e:  # dkimpy raises for whatever it does not like
            return "fail", repr(e)

    signatures = []
    d = dkim.DKIM(raw, minkey=1024)
    for i in range(sum(1 for name, _ in d.headers if name.lower() == b"dkim-signature")):
        d = dkim.DKIM(raw, minkey=1024)
        result, why = outcome(lambda: d.verify(idx=i, dnsfunc=lookup))
        fields = d.signature_fields or {}
        signatures.append({"domain": fields.get(b"d", b"").decode().lower(), "selector": fields.get(b"s", b"").decode(), "outcome": result, "why": why})
    try:
        cv, _, _ = dkim.ARC(raw, minkey=1024).verify(dnsfunc=lookup)
        arc = (cv or b"none").decode().lower()
    except IndexError:  # 1.1.4 stumbles over chains that say cv=fail
        arc = ""
    return {"file": mail["file"], "dkim": signatures, "arc": arc}


jobs = json.load(open(sys.argv[1]))
for mail in jobs["mails"]:
    try:
        line = judge(mail, jobs["dns"])
    except Exception as e:
        line = {"file": mail["file"], "error": repr(e)}
    print(json.dumps(line))
