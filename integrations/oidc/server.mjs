// A real identity provider (npm oidc-provider, certified by the OpenID
// Foundation) for the test of the staff's sign-in. Who sits before the browser,
// and how he proves himself, is set by POST /test/as; everything else is the
// provider's own. Prints its issuer once it listens.
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
const require = createRequire(process.env.OIDC_FROM + '/')
const { default: Provider } = await import(pathToFileURL(require.resolve('oidc-provider')))

const people = {
  'u-sato': { name: '佐藤 花', preferred_username: 'sato', groups: ['helpdesk', 'everybody'] },
  'u-guest': { name: 'Guest', preferred_username: 'sato', groups: ['everybody'] },
  'u-boss': { name: 'Boss', preferred_username: 'boss', groups: ['bosses'] },
}
let as = { sub: 'u-sato', acr: 'pwd', amr: ['pwd'] }

const server = createServer()
await new Promise((done) => server.listen(0, '127.0.0.1', done))
const issuer = `http://localhost:${server.address().port}`
const provider = new Provider(issuer, {
  clients: [{
    client_id: 'desk', client_secret: process.env.CLIENT_SECRET, redirect_uris: [process.env.REDIRECT],
    post_logout_redirect_uris: [process.env.SIGNED_OUT], response_types: ['code'], grant_types: ['authorization_code'],
  }],
  scopes: ['openid', 'profile', 'groups'],
  claims: { openid: ['sub', 'acr', 'amr', 'auth_time'], profile: ['name', 'preferred_username'], groups: ['groups'] },
  acrValues: ['pwd', 'phr'],
  conformIdTokenClaims: process.env.CONFORM !== 'no', // as the standard has it, groups stand in userinfo only
  pkce: { required: () => true },
  features: { devInteractions: { enabled: false }, claimsParameter: { enabled: true } },
  interactions: { url: (_, i) => `/interaction/${i.uid}` },
  findAccount: async (_, sub) => people[sub] && { accountId: sub, claims: async () => ({ sub, ...people[sub] }) },
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId })
    grant.addOIDCScope('openid profile groups')
    await grant.save()
    return grant
  },
})
const answer = provider.callback()
server.on('request', async (req, res) => {
  if (req.method === 'POST' && req.url === '/test/as') {
    let body = ''
    for await (const c of req) body += c
    as = JSON.parse(body)
    return res.end()
  }
  if (req.url.startsWith('/interaction/')) {
    const { prompt } = await provider.interactionDetails(req, res)
    if (prompt.name !== 'login') return res.writeHead(500).end(prompt.name)
    return provider.interactionFinished(req, res, { login: { accountId: as.sub, acr: as.acr, amr: as.amr } })
  }
  answer(req, res)
})
console.log(issuer)
process.stdin.resume()
process.stdin.on('end', () => process.exit(0)) // the test is over
