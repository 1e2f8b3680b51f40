// Judges security event tokens as a receiver would that has nothing of ours:
// reads {jwks, issuer, audience, good: [jwt], bad: [jwt]} on standard input and
// prints what it thinks of each.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
const require = createRequire(process.env.JOSE_FROM + '/')
const { createLocalJWKSet, jwtVerify } = await import(pathToFileURL(require.resolve('jose')))

const chunks = []
for await (const c of process.stdin) chunks.push(c)
const asked = JSON.parse(Buffer.concat(chunks))
const keys = createLocalJWKSet(asked.jwks)

async function verdict(token) {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      issuer: asked.issuer, audience: asked.audience, typ: 'secevent+jwt', algorithms: ['RS256'], requiredClaims: ['jti', 'iat', 'sub_id', 'events'],
    })
    if (payload.sub !== undefined || payload.exp !== undefined) return 'sub or exp'
    if (Object.keys(payload.events).length !== 1) return 'not one event'
    return protectedHeader.kid ? 'good' : 'no kid'
  } catch (e) {
    return e.code ?? String(e)
  }
}
const out = { good: [], bad: [] }
for (const t of asked.good) out.good.push(await verdict(t))
for (const t of asked.bad) out.bad.push(await verdict(t))
console.log(JSON.stringify(out))
