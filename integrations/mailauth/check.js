// check.js JOBS.json: has npm mailauth, another implementation of DKIM, ARC and
// DMARC, judge mails, and prints one JSON line each. JOBS.json:
// {"dns": {name: [txt, ...]}, "mails": [{"file", "at"}, ...]}.
// A name that is not in dns does not exist.
'use strict';

const fs = require('fs');
const { dkimVerify } = require('mailauth/lib/dkim/verify');
const { arc } = require('mailauth/lib/arc');
const { dmarc } = require('mailauth/lib/dmarc');

const jobs = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));

function fault(code) {
    const e = new Error(code);
    e.code = code;
    return e;
}

async function resolver(name, type) {
    const txt = jobs.dns[name.toLowerCase()];
    if (type === 'TXT' && txt && txt.length) return txt.map(t => [t]);
    throw fault('ENOTFOUND');
}

async function judge({ file, at }) {
    const raw = fs.readFileSync(file);
    const signed = await dkimVerify(raw, { resolver, curTime: at, minBitLength: 1024 });
    const chain = await arc(signed.arc, { resolver, minBitLength: 1024 });
    const policy = signed.headerFrom
        ? await dmarc({
              headerFrom: signed.headerFrom,
              spfDomains: [],
              dkimDomains: signed.results.filter(r => r.status.result === 'pass').map(r => ({ id: r.id, domain: r.signingDomain, aligned: r.status.aligned })),
              resolver
          })
        : false;
    return {
        file,
        dkim: signed.results.filter(r => r.status.result !== 'none').map(r => ({ domain: r.signingDomain, selector: r.selector, outcome: r.status.result, why: r.status.comment || '' })),
        arc: (chain && chain.status && chain.status.result) || 'none',
        dmarc: (policy && policy.status && policy.status.result) || 'none'
    };
}

(async () => {
    for (const mail of jobs.mails) {
        let line;
        try {
            line = await judge(mail);
        } catch (e) {
            line = { file: mail.file, error: String((e && e.message) || e) };
        }
        console.log(JSON.stringify(line));
    }
})();
