// The processes and clients of the test: Mimamori, a Vendure shop, a mail server, customers.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';

export const sleep = ms => new Promise(r => setTimeout(r, ms));

export async function until(what, look, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  let last;
  for (;;) {
    try {
      last = await look();
    } catch (e) {
      last = e;
    }
    if (last && !(last instanceof Error)) {
      return last;
    }
    if (Date.now() > end) {
      throw new Error(`not within ${seconds} s: ${what}; last seen ${last instanceof Error ? last.message : JSON.stringify(last)}`);
    }
    await sleep(100);
  }
}

export async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise(r => server.once('listening', r));
  const { port } = server.address();
  await new Promise(r => server.close(r));
  return port;
}

/** A mail server that keeps what it is given. */
export async function mailServer() {
  const mails = [];
  const server = net.createServer(socket => {
    socket.setEncoding('latin1');
    socket.on('error', () => {});
    socket.write('220 mail.example ESMTP\r\n');
    let data;
    let rest = '';
    let to = '';
    socket.on('data', chunk => {
      rest += chunk;
      for (let end; (end = rest.indexOf('\r\n')) >= 0; ) {
        const line = rest.slice(0, end);
        rest = rest.slice(end + 2);
        if (data !== undefined) {
          if (line === '.') {
            mails.push({ to, text: decode(data) });
            data = undefined;
            socket.write('250 kept\r\n');
          } else {
            data += line.replace(/^\./, '') + '\n';
          }
        } else if (/^EHLO/i.test(line)) {
          socket.write('250-mail.example\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n');
        } else if (/^RCPT TO:<([^>]*)>/i.test(line)) {
          to = /^RCPT TO:<([^>]*)>/i.exec(line)[1];
          socket.write('250 ok\r\n');
        } else if (/^DATA/i.test(line)) {
          data = '';
          socket.write('354 go on\r\n');
        } else if (/^QUIT/i.test(line)) {
          socket.end('221 bye\r\n');
        } else {
          socket.write('250 ok\r\n');
        }
      }
    });
  }).listen(0, '127.0.0.1');
  await new Promise(r => server.once('listening', r));
  return { port: server.address().port, mails, close: () => server.close() };
}

/** The words of a mail: its encoded words and transfer encodings undone, which is enough for our own. */
function decode(raw) {
  const bytes = s => Buffer.from(s, 'latin1');
  const split = raw.indexOf('\n\n');
  const head = raw.slice(0, split).replace(/\n[ \t]+/g, ' ');
  const words = head.replace(/\?=\s+=\?/g, '?==?').replace(/=\?utf-8\?([bq])\?([^?]*)\?=/gi, (_, how, s) =>
    (how.toLowerCase() === 'b' ? Buffer.from(s, 'base64') : quoted(s.replace(/_/g, ' '))).toString('utf8'));
  const part = (head2, body) => {
    const how = /^content-transfer-encoding:\s*(\S+)/im.exec(head2)?.[1]?.toLowerCase();
    return (how === 'base64' ? Buffer.from(body, 'base64') : how === 'quoted-printable' ? quoted(body) : bytes(body)).toString('utf8');
  };
  return `${words}\n\n${part(head, raw.slice(split + 2))}`;
}

function quoted(s) {
  const plain = s.replace(/=\n/g, '').replace(/=([0-9A-F]{2})/gi, (_, h) => String.fromCharCode(parseInt(h, 16)));
  return Buffer.from(plain, 'latin1');
}

/** A child process whose output goes to a file. */
export class Child {
  constructor(name, folder, command, args, env) {
    this.name = name;
    this.log = path.join(folder, `${name}.log`);
    const out = fs.openSync(this.log, 'a');
    this.process = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', out, out] });
    fs.closeSync(out);
    this.ended = new Promise(r => this.process.once('exit', code => r(code ?? 'killed')));
  }

  said() {
    return fs.readFileSync(this.log, 'utf8');
  }

  async stop(signal = 'SIGTERM') {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      this.process.kill(signal);
    }
    const late = setTimeout(() => this.process.kill('SIGKILL'), 10_000);
    await this.ended;
    clearTimeout(late);
  }
}

export class Mimamori {
  constructor(bin, folder, ports, shopUrl, smtpPort) {
    Object.assign(this, { bin, folder, url: `http://localhost:${ports[0]}` });
    this.config = path.join(folder, 'mimamori.yaml');
    fs.writeFileSync(this.config, `data: ${path.join(folder, 'data')}
public_url: ${this.url}
listen: 127.0.0.1:${ports[0]}
console_listen: 127.0.0.1:${ports[1]}
shop:
  name: {ja: みどり商店, en: Midori Store}
  url: ${shopUrl}/mimamori
  source: vendure
  home: ${shopUrl}/
  sign_in: ${shopUrl}/signin
  forgot: ${shopUrl}/forgot
  challenge_return: ${shopUrl}/challenge
  return_hosts: [127.0.0.1, localhost]
  allow_http: true
  allow: [127.0.0.0/8]
  brand: midori
mail: {from: security@security.midori.example, server: "127.0.0.1:${smtpPort}", tls: none}
policy:
  mode: enforce
  wait: 12s
  shortened: true
  # what this test is about begins with the customer's word, not with detection
  notify_at: 0.9996
  challenge_at: 0.9997
  hold_at: 0.9998
  contain_at: 0.9999
`);
    this.key = this.run('key', 'create', '--name', 'shop', '--source', 'vendure', '--scopes', 'events,decisions,handoff,read,staff').match(/mk_\S+|\S{30,}/)[0];
    this.secret = this.run('shop-secret').trim();
  }

  run(...args) {
    const r = spawnSync(this.bin, [...args, '--config', this.config], { encoding: 'utf8' });
    if (r.status !== 0) {
      throw new Error(`mimamori ${args.join(' ')}: ${r.stderr}`);
    }
    return r.stdout;
  }

  async start() {
    this.child = new Child('mimamori', this.folder, this.bin, ['serve', '--config', this.config]);
    await until('mimamori is up', async () => (await fetch(`${this.url}/readyz`)).ok);
  }

  stop(signal) {
    return this.child?.stop(signal);
  }

  async ask(method, at, body) {
    const res = await fetch(this.url + at, {
      method, headers: { authorization: `Bearer ${this.key}`, ...(body ? { 'content-type': 'application/json' } : {}) }, body: body && JSON.stringify(body),
    });
    const text = await res.text();
    if (!res.ok) {
      throw new Error(`${method} ${at}: ${res.status} ${text}`);
    }
    return text ? JSON.parse(text) : undefined;
  }

  async incident(subject) {
    const all = (await this.ask('GET', '/v1/incidents?closed=true')).incidents.filter(i => i.subject === subject);
    return all.length > 0 ? this.ask('GET', `/v1/incidents/${all[0].id}`) : undefined;
  }
}

export class Shop {
  constructor(folder, port, mimamori, plugin) {
    Object.assign(this, { folder, port, url: `http://127.0.0.1:${port}` });
    this.env = { PORT: String(port), DB: path.join(folder, 'shop.sqlite'), MIMAMORI: mimamori.url, KEY: mimamori.key, SECRETS: mimamori.secret, PLUGIN: plugin };
  }

  async start() {
    const script = path.join(path.dirname(this.env.PLUGIN), '..', 'e2e', 'shop.js');
    if (!fs.existsSync(this.env.DB)) {
      const code = await new Child('seed', this.folder, process.execPath, [script], this.env).ended;
      if (code !== 0) {
        throw new Error(`the shop cannot be made: ${fs.readFileSync(path.join(this.folder, 'seed.log'), 'utf8').slice(-3000)}`);
      }
    }
    this.child = new Child('shop', this.folder, process.execPath, [script], this.env);
    await until('the shop is up', async () => (await fetch(`${this.url}/health`)).ok, 90);
  }

  stop(signal) {
    return this.child?.stop(signal);
  }
}

/** Somebody's browser at the shop. */
export class Visitor {
  constructor(shop, ip, agent, api = 'shop-api') {
    Object.assign(this, { shop, ip, agent, api, token: '', cookies: '' });
  }

  async raw(query, variables = {}) {
    const res = await fetch(`${this.shop.url}/${this.api}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json', connection: 'close', 'user-agent': this.agent, 'x-test-ip': this.ip, 'accept-language': 'ja',
        ...(this.token ? { authorization: `Bearer ${this.token}` } : {}), ...(this.cookies ? { cookie: this.cookies } : {}),
      },
      body: JSON.stringify({ query, variables }),
    });
    const token = res.headers.get('vendure-auth-token');
    if (token) {
      this.token = token;
    }
    const device = /mimamori_device=[^;]+/.exec(res.headers.get('set-cookie') ?? '');
    if (device) {
      this.cookies = device[0];
    }
    return res.json();
  }

  async ask(query, variables) {
    const { data, errors } = await this.raw(query, variables);
    if (errors) {
      throw Object.assign(new Error(errors[0].message), { code: errors[0].extensions?.code });
    }
    return data;
  }

  async signIn(username, password) {
    const q = 'mutation($u: String!, $p: String!) { login(username: $u, password: $p) { __typename ... on CurrentUser { id } ... on InvalidCredentialsError { authenticationError } } }';
    return (await this.ask(q, { u: username, p: password })).login;
  }

  async addAddress(fullName, streetLine1, more = {}) {
    const q = 'mutation($i: CreateAddressInput!) { createCustomerAddress(input: $i) { id } }';
    return (await this.ask(q, { i: { fullName, streetLine1, city: '千代田区', province: '東京都', postalCode: '100-0001', countryCode: 'JP', ...more } })).createCustomerAddress.id;
  }

  async order(sku, to) {
    const variant = (await this.ask('{ products { items { slug variants { id } } } }')).products.items.find(p => p.slug === sku).variants[0].id;
    const run = async (q, v) => {
      const r = Object.values(await this.ask(q, v))[0];
      if (r?.errorCode) {
        throw Object.assign(new Error(r.message), { code: r.errorCode, more: r });
      }
      return r;
    };
    const error = '... on ErrorResult { errorCode message } ... on OrderStateTransitionError { transitionError }';
    await run('mutation($v: ID!) { addItemToOrder(productVariantId: $v, quantity: 1) { ... on ErrorResult { errorCode message } } }', { v: variant });
    await run('mutation($i: CreateAddressInput!) { setOrderShippingAddress(input: $i) { ... on ErrorResult { errorCode message } } }', { i: to });
    const method = (await this.ask('{ eligibleShippingMethods { id } }')).eligibleShippingMethods[0].id;
    await run('mutation($m: [ID!]!) { setOrderShippingMethod(shippingMethodId: $m) { ... on ErrorResult { errorCode message } } }', { m: [method] });
    await run(`mutation { transitionOrderToState(state: "ArrangingPayment") { ${error} } }`);
    return (await run('mutation { addPaymentToOrder(input: {method: "card", metadata: {}}) { ... on Order { code state } ... on ErrorResult { errorCode message } } }')).code;
  }
}
