// The night story at a real Vendure shop, then shops and Mimamoris that are away in the middle of it.
//   node night.mjs MIMAMORI-BINARY PLUGIN
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { freePort, mailServer, Mimamori, Shop, sleep, until, Visitor } from './world.mjs';

const [bin, plugin] = process.argv.slice(2);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'mimamori-vendure-'));
const phone = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.2 Mobile/15E148 Safari/604.1';
const pc = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';
const HOME = '126.0.0.10';
const AWAY = '45.76.100.31';

let began = Date.now();
const step = name => {
  console.log(`ok ${((Date.now() - began) / 1000).toFixed(1).padStart(6)} s  ${name}`);
  began = Date.now();
};

const post = await mailServer();
const [shopPort, doors, desk] = [await freePort(), await freePort(), await freePort()];
const mimamori = new Mimamori(bin, folder, [doors, desk], `http://127.0.0.1:${shopPort}`, post.port);
const shop = new Shop(folder, shopPort, mimamori, plugin);
const admin = new Visitor(shop, HOME, pc, 'admin-api');

/** The customer as Vendure's own staff see her. */
async function inVendure(mail) {
  const q = `query($m: String!) { customers(options: {filter: {emailAddress: {eq: $m}}}) { items { id emailAddress firstName phoneNumber
    addresses { id fullName streetLine1 defaultShippingAddress } orders(options: {sort: {id: ASC}}) { items { code state active history { items { type } } } }
    history(options: {sort: {createdAt: ASC}}) { items { type } } } } }`;
  const c = (await admin.ask(q, { m: mail })).customers.items[0];
  return c && { ...c, orders: c.orders.items.filter(o => !o.active) };
}

const stateOf = async (mail, code) => (await inVendure(mail)).orders.find(o => o.code === code)?.state;
const idOf = api => api.replace(/^T_/, '');
const mailTo = (to, words) => post.mails.filter(m => m.to === to && m.text.includes(words)).at(-1);
const home = { fullName: '山田花子', streetLine1: '千代田1-1', city: '千代田区', province: '東京都', postalCode: '100-0001', countryCode: 'JP' };
const elsewhere = { fullName: 'Somebody Else', streetLine1: '梅田1-1', city: '大阪市', province: '大阪府', postalCode: '530-0001', countryCode: 'JP' };

async function lastSession(subject, ip) {
  return (await until(`a sign-in from ${ip} in the history`, async () =>
    (await mimamori.ask('GET', `/v1/accounts/${subject}/history`)).logins.find(l => l.ip === ip && l.outcome === 'succeeded'))).session;
}

async function page(address, form, jar) {
  const res = await fetch(address, {
    method: form ? 'POST' : 'GET', redirect: 'manual', body: form && new URLSearchParams(form),
    headers: { 'user-agent': pc, 'accept-language': 'ja', 'sec-fetch-site': 'same-origin', ...(jar.cookie ? { cookie: jar.cookie } : {}) },
  });
  const set = res.headers.getSetCookie().map(c => c.split(';')[0]);
  if (set.length > 0) {
    const all = new Map((jar.cookie ?? '').split('; ').filter(Boolean).concat(set).map(c => [c.split('=')[0], c]));
    jar.cookie = [...all.values()].join('; ');
  }
  const to = res.headers.get('location');
  return to && res.status < 400 ? page(new URL(to, address).href, undefined, jar) : { url: address, status: res.status, html: await res.text() };
}

async function shopCheck() {
  const kenta = new Visitor(shop, HOME, pc);
  await kenta.signIn('kenta@mail.example', 'his password 1');
  await kenta.addAddress('Kenta', '千代田2-2');
  await kenta.order('teapot', home);
  const shipped = await kenta.order('teapot', home);
  const { orders } = await admin.ask('query($c: String!) { orders(options: {filter: {code: {eq: $c}}}) { items { id payments { id } lines { id quantity } } } }', { c: shipped });
  const o = orders.items[0];
  await admin.ask('mutation($p: ID!) { settlePayment(id: $p) { __typename } }', { p: o.payments[0].id });
  const f = await admin.ask('mutation($i: FulfillOrderInput!) { addFulfillmentToOrder(input: $i) { ... on Fulfillment { id } ... on ErrorResult { message } } }',
    { i: { lines: o.lines.map(l => ({ orderLineId: l.id, quantity: l.quantity })), handler: { code: 'manual-fulfillment', arguments: [{ name: 'method', value: 'Post' }, { name: 'trackingCode', value: '1' }] } } });
  await admin.ask('mutation($f: ID!) { transitionFulfillmentToState(id: $f, state: "Shipped") { __typename } }', { f: f.addFulfillmentToOrder.id });
  assert.equal(await stateOf('kenta@mail.example', shipped), 'Shipped');
  const kentas = (await inVendure('kenta@mail.example')).id;
  const report = path.join(folder, 'check.json');
  const r = spawnSync(bin, ['shop-check', `${shop.url}/mimamori`, '--account', idOf(kentas), '--allow-http', '--allow', '127.0.0.0/8', '--json', report],
    { encoding: 'utf8', env: { ...process.env, MIMAMORI_SHOP_SECRET: mimamori.secret } });
  assert.equal(r.status, 0, r.stdout + r.stderr);
  const { findings } = JSON.parse(fs.readFileSync(report, 'utf8'));
  console.log('  ' + r.stdout.trim().split('\n').at(-1));
  const notRun = findings.filter(f => f.state !== 'passed').map(f => `${f.part}: ${f.check}`);
  console.log('  not run: ' + notRun.join('; '));
  assert.ok(notRun.every(n => /^(points|order\.unhide)/.test(n)), 'only points and hidden orders are left out: Vendure has neither');
  step('mimamori shop-check finds nothing wrong');
}

/** Hanako's evening and the intruder's night; nobody has noticed yet. */
async function night() {
  const her = new Visitor(shop, HOME, phone);
  assert.equal((await her.signIn('hanako@mail.example', 'her password 1')).__typename, 'CurrentUser');
  const homeId = await her.addAddress(home.fullName, home.streetLine1, { defaultShippingAddress: true });
  const hers = await her.order('teapot', home);
  const subject = idOf((await inVendure('hanako@mail.example')).id);

  const him = new Visitor(shop, AWAY, pc);
  assert.equal((await him.signIn('hanako@mail.example', 'a guess')).__typename, 'InvalidCredentialsError');
  assert.equal((await him.signIn('hanako@mail.example', 'her password 1')).__typename, 'CurrentUser');
  const his = await him.addAddress(elsewhere.fullName, elsewhere.streetLine1, { ...elsewhere, defaultShippingAddress: true });
  await him.ask('mutation { updateCustomer(input: {phoneNumber: "+81-80-9999-9999"}) { id } }');
  await him.ask('mutation($i: UpdateAddressInput!) { updateCustomerAddress(input: $i) { id } }', { i: { id: homeId, streetLine2: 'c/o Somebody' } });
  const orders = [await him.order('gift', elsewhere), await him.order('gift', elsewhere)];
  const now = await inVendure('hanako@mail.example');
  assert.equal(now.phoneNumber, '+81-80-9999-9999');
  assert.equal(now.addresses.find(a => a.id === homeId).defaultShippingAddress, false, "his address took hers' place");
  step('an intruder with the right password adds an address, changes hers and the telephone, orders twice');
  return { subject, her, him, homeId, his, hers, orders };
}

function gone(seen, n) {
  const home = seen.addresses.find(a => a.id === n.homeId);
  return n.orders.every(c => seen.orders.find(o => o.code === c)?.state === 'Cancelled') && seen.phoneNumber === '+81-90-0000-0001' &&
    !seen.addresses.some(a => a.id === n.his) && home?.defaultShippingAddress === true;
}

async function contained(n) {
  const began = Date.now();
  await mimamori.ask('POST', '/v1/reports', { subject: n.subject, session: await lastSession(n.subject, AWAY), verdict: 'not_me' });
  await until('he is out', async () => (await n.him.ask('{ activeCustomer { id } }')).activeCustomer === null, 20);
  console.log(`  he was out ${Date.now() - began} ms after the word`);
  const seen = await until('Vendure has her account as before him', async () => {
    const s = await inVendure('hanako@mail.example');
    return gone(s, n) ? s : undefined;
  });
  assert.equal(seen.orders.find(o => o.code === n.hers).state, 'PaymentAuthorized', 'her own order of that night stays');
  assert.equal((await n.her.ask('{ activeCustomer { id } }')).activeCustomer, null, 'all sessions are out');
  const q = 'query($i: ID!) { customer(id: $i) { addresses { id streetLine2 } } }';
  const restored = (await admin.ask(q, { i: seen.id })).customer.addresses.find(a => a.id === n.homeId);
  assert.equal(restored.streetLine2 || '', '', 'what he wrote into her address is gone');
  const old = new Visitor(shop, AWAY, pc);
  assert.equal((await old.signIn('hanako@mail.example', 'her password 1')).authenticationError, 'mimamori:password_invalid');
  assert.equal((await old.signIn('hanako@mail.example', 'a guess')).authenticationError, '', 'a guess learns nothing');
  await until('the notice', () => mailTo('hanako@mail.example', 'パスワードを無効'));
  step('he is out, his orders are cancelled, her addresses and telephone are back, her own order stays, the password is invalid, the notice is sent');
}

async function noWayAround() {
  const him = new Visitor(shop, AWAY, pc);
  for (const m of ['yuki@mail.example', 'hanako@mail.example']) {
    assert.equal((await him.ask('mutation($m: String!) { requestPasswordReset(emailAddress: $m) { __typename } }', { m })).requestPasswordReset.__typename, 'Success');
  }
  await until("Vendure's own reset works for others", () => shop.child.said().includes('RESET TOKEN FOR yuki'));
  await sleep(300);
  assert.ok(!shop.child.said().includes('RESET TOKEN FOR hanako'), "Vendure's own reset would lead around the grant");
  assert.equal((await him.ask('mutation { mimamoriSetPassword(grant: "a.b.c", password: "his password") }')).mimamoriSetPassword, 'grant');
  step("Vendure's own password reset does not lead around the grant");
}

async function wayBack(n) {
  const browser = new Visitor(shop, HOME, phone);
  const recover = 'mutation($m: String, $r: String!) { mimamoriRecover(emailAddress: $m, returnUrl: $r) }';
  const at = (await browser.ask(recover, { m: 'hanako@mail.example', r: `${shop.url}/mimamori/grant` })).mimamoriRecover;
  const jar = {};
  const waiting = await page(at, undefined, jar);
  assert.equal(waiting.status, 200);
  const open = await until('the wait ends', async () => {
    const p = await page(waiting.url, undefined, jar);
    return /name="reach"/.test(p.html) ? p : undefined;
  }, 60);
  const base = open.url.replace(/[?#].*$/, '');
  const before = post.mails.length;
  const sent = await page(`${base}/send`, { reach: /name="reach" value="([^"]+)"/.exec(open.html)[1] }, jar);
  const code = await until('a code by mail', () => post.mails.slice(before).map(m => /確認コード/.test(m.text) && /\b\d{6}\b/.exec(m.text.split('\n\n').slice(1).join('\n\n'))?.[0]).find(Boolean)).catch(e => assert.fail(`${e.message}: ${sent.url} ${sent.status} ${sent.html.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ').slice(0, 1500)}`));
  const proven = await page(`${base}/code`, { by: 'mail_code', code }, jar);
  const grant = /name="grant" value="([^"]+)"/.exec(proven.html)?.[1];
  assert.ok(grant, `a grant stands on the page: ${proven.html.slice(0, 500)}`);
  const [, action] = /action="([^"]+)"><input type="hidden" name="grant"/.exec(proven.html);
  assert.equal(action, `${shop.url}/mimamori/grant`);
  const res = await fetch(action, { method: 'POST', redirect: 'manual', body: new URLSearchParams({ grant }) });
  assert.equal(res.headers.get('location'), `http://localhost/new-password#grant=${grant}`);
  const set = async password => (await browser.ask('mutation($g: String!, $p: String!) { mimamoriSetPassword(grant: $g, password: $p) }', { g: grant, p: password })).mimamoriSetPassword;
  assert.equal(await set('x'), 'weak');
  assert.equal(await set('her password 1'), 'former', 'the password that he knows is not taken again');
  const [header, claims, signature] = grant.split('.');
  const forged = Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(claims, 'base64url')), sub: '2' })).toString('base64url');
  assert.equal((await browser.ask('mutation($g: String!) { mimamoriSetPassword(grant: $g, password: "another one 22") }', { g: `${header}.${forged}.${signature}` })).mimamoriSetPassword, 'grant');
  assert.equal(await set('a new and long one'), 'ok');
  assert.equal(await set('a second long one'), 'grant', 'a grant counts once');
  const back = new Visitor(shop, HOME, phone);
  assert.equal((await back.signIn('hanako@mail.example', 'her password 1')).__typename, 'InvalidCredentialsError');
  assert.equal((await back.signIn('hanako@mail.example', 'a new and long one')).__typename, 'CurrentUser');
  await until('the incident is watched on', async () => ['watching', 'recovered'].includes((await mimamori.incident(n.subject)).state));
  const centre = (await back.ask('mutation($r: String!) { mimamoriSecurityCentre(returnUrl: $r) }', { r: `${shop.url}/` })).mimamoriSecurityCentre;
  const shown = await page(centre, undefined, {});
  assert.equal(shown.status, 200);
  assert.equal((await inVendure('hanako@mail.example')).orders.find(o => o.code === n.orders[0]).state, 'Cancelled', 'what he ordered stays to be seen');
  step('after the wait: a code to the mail address from before, a grant, a new password once; she is back and in the centre');
}

async function holds() {
  const yuki = new Visitor(shop, HOME, phone);
  assert.equal((await yuki.signIn('yuki@mail.example', 'her password 2')).__typename, 'CurrentUser');
  const subject = idOf((await inVendure('yuki@mail.example')).id);
  const put = async (type, scopes) => {
    const secret = Buffer.from(mimamori.secret.replace('whsec_', ''), 'base64');
    const id = `cmd_test_${Math.random().toString(36).slice(2)}`;
    const body = JSON.stringify({ id, type, subject, incident: 'inc_test', at: new Date().toISOString(), data: { scopes } });
    const at = String(Math.floor(Date.now() / 1000));
    const { createHmac } = await import('node:crypto');
    const signature = 'v1,' + createHmac('sha256', secret).update(`${id}.${at}.${body}`).digest('base64');
    const res = await fetch(`${shop.url}/mimamori`, { method: 'POST', headers: { 'content-type': 'application/json', 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature }, body });
    return res.json();
  };
  assert.equal((await put('account.hold', ['orders', 'contact', 'payment', 'points'])).result, 'done');
  await assert.rejects(yuki.addAddress('Yuki', '千代田3-3'), { code: 'MIMAMORI_HELD' });
  await assert.rejects(yuki.ask('mutation { updateCustomer(input: {phoneNumber: "1"}) { id } }'), { code: 'MIMAMORI_HELD' });
  await assert.rejects(yuki.order('teapot', home), { code: 'MIMAMORI_HELD' });
  assert.equal((await yuki.ask('{ activeCustomer { emailAddress } }')).activeCustomer.emailAddress, 'yuki@mail.example', 'looking is still possible');
  assert.equal((await put('account.release', ['orders', 'contact', 'payment', 'points'])).result, 'done');
  await yuki.addAddress('Yuki', '千代田3-3');
  step('a hold stops orders and contacts and signs nobody out; a release lets them go');
  return { yuki, subject };
}

/** Vendure dies in the middle, and Mimamori too: nothing is lost, nothing is done twice. */
async function away({ yuki, subject }) {
  await mimamori.stop('SIGKILL');
  const him = new Visitor(shop, AWAY, pc);
  const began = Date.now();
  assert.equal((await him.signIn('yuki@mail.example', 'her password 2')).__typename, 'CurrentUser', 'without Mimamori a sign-in goes on');
  console.log(`  signing in without Mimamori took ${Date.now() - began} ms`);
  const code = await him.order('gift', elsewhere);
  await yuki.addAddress('Yuki', '千代田4-4');
  await sleep(500); // the shop's database file is written
  await shop.stop('SIGKILL');
  await mimamori.start();
  await shop.start();
  const session = await lastSession(subject, AWAY);
  step('both were killed; what happened at the shop without Mimamori reaches it from the shop\'s own database');

  await sleep(1500);
  await shop.stop('SIGKILL');
  await mimamori.ask('POST', '/v1/reports', { subject, session, verdict: 'not_me' });
  await sleep(1500); // the first tries meet nobody
  await shop.start();
  await admin.ask('mutation { login(username: "admin", password: "admin") { __typename } }');
  const seen = await until('his order is cancelled', async () => {
    const c = await inVendure('yuki@mail.example');
    return c.orders.find(o => o.code === code)?.state === 'Cancelled' ? c : undefined;
  }, 60);
  await until('the password is invalid', async () => (await new Visitor(shop, HOME, pc).signIn('yuki@mail.example', 'her password 2')).authenticationError === 'mimamori:password_invalid', 60);
  await until('the notice', () => mailTo('yuki@mail.example', 'パスワードを無効'), 60);
  const cancelled = seen.orders.find(o => o.code === code).history.items.filter(h => h.type === 'ORDER_CANCELLATION');
  assert.equal(cancelled.length, 1, 'cancelled once');
  assert.deepEqual(seen.addresses.map(a => a.streetLine1).sort(), ['千代田3-3', '千代田4-4'], 'her own addresses stay');
  assert.equal((await yuki.ask('{ activeCustomer { id } }')).activeCustomer, null);
  step('the shop was away when the word came: all is carried out once when it is back');
}

try {
  await mimamori.start();
  await shop.start();
  await admin.ask('mutation { login(username: "admin", password: "admin") { __typename } }');
  step('a Vendure shop and Mimamori are up');
  await shopCheck();
  const n = await night();
  await contained(n);
  await noWayAround();
  await wayBack(n);
  await away(await holds());
  console.log('all is well');
} catch (e) {
  console.error(e);
  for (const m of post.mails) {
    console.error(`-- mail to ${m.to}\n${m.text.replace(/^DKIM-Signature.*\n/gm, '').slice(0, 1500)}`);
  }
  for (const name of ['shop', 'mimamori']) {
    const log = path.join(folder, `${name}.log`);
    console.error(`-- ${name}\n${fs.existsSync(log) ? fs.readFileSync(log, 'utf8').slice(-4000) : ''}`);
  }
  process.exitCode = 1;
} finally {
  await shop.stop('SIGKILL');
  await mimamori.stop('SIGKILL');
  post.close();
  if (!process.env.KEEP) {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}
