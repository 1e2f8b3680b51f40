import { createHash, createHmac, createPublicKey, randomBytes, timingSafeEqual, verify as verifySignature, KeyObject } from 'crypto';

/** How far a signature's time may be from ours, in seconds (Standard Webhooks 1.0). */
const TOLERANCE = 5 * 60;

/** Reads a secret written as whsec_ and base64 of 24 to 64 bytes. */
export function parseSecret(text: string): Buffer {
  const key = Buffer.from(text.replace(/^whsec_/, ''), 'base64');
  if (!text.startsWith('whsec_') || key.length < 24 || key.length > 64) {
    throw new Error('Mimamori: a secret is not whsec_ and base64 of 24 to 64 bytes');
  }
  return key;
}

/** The three headers of Standard Webhooks. */
export interface SignedHeaders {
  id: string;
  timestamp: string;
  signature: string;
}

/** Says whether a request is signed by one of the keys, and lately. Every key is compared with every v1 signature, in constant time. */
export function isSigned(keys: Buffer[], h: SignedHeaders, body: Buffer, now = Date.now()): boolean {
  if (!h.id || h.id.includes('.') || !/^\d{1,12}$/.test(h.timestamp)) {
    return false;
  }
  if (Math.abs(now / 1000 - Number(h.timestamp)) > TOLERANCE) {
    return false;
  }
  let good = false;
  for (const key of keys) {
    const want = createHmac('sha256', key).update(`${h.id}.${h.timestamp}.`).update(body).digest();
    for (const one of h.signature.split(' ')) {
      const got = Buffer.from(one.startsWith('v1,') ? one.slice(3) : '', 'base64');
      good = (got.length === want.length && timingSafeEqual(got, want)) || good;
    }
  }
  return good;
}

/** A grant's claims, once they were checked. */
export interface Grant {
  jti: string;
  subject: string;
}

/** What a grant must say. */
export interface GrantRules {
  issuer: string;
  audience: string;
  key: (kid: string) => Promise<KeyObject | undefined>;
}

/**
 * Checks a grant: ES256 and nothing else, decided before any key is looked at
 * (RFC 8725 section 3.1), then issuer, audience, act and time. Undefined when
 * anything is wrong.
 */
export async function readGrant(token: string, rules: GrantRules, now = Date.now()): Promise<Grant | undefined> {
  const parts = token.split('.');
  if (token.length > 8192 || parts.length !== 3) {
    return undefined;
  }
  const [head, claims] = parts.slice(0, 2).map(object);
  if (!head || !claims || head.alg !== 'ES256' || head.typ !== 'mimamori-grant+jwt' || head.crit !== undefined || typeof head.kid !== 'string') {
    return undefined;
  }
  const signature = Buffer.from(parts[2], 'base64url');
  const key = await rules.key(head.kid);
  if (!key || signature.length !== 64) {
    return undefined;
  }
  if (!verifySignature('sha256', Buffer.from(`${parts[0]}.${parts[1]}`), { key, dsaEncoding: 'ieee-p1363' }, signature)) {
    return undefined;
  }
  const audience = Array.isArray(claims.aud) ? claims.aud : [claims.aud];
  const { exp, iat, jti, sub } = claims;
  const good =
    claims.iss === rules.issuer && audience.includes(rules.audience) && claims.act === 'password.set' &&
    typeof jti === 'string' && jti !== '' && typeof sub === 'string' && sub !== '' &&
    typeof exp === 'number' && now < exp * 1000 && typeof iat === 'number' && iat * 1000 <= now + 60_000;
  return good ? { jti, subject: sub } : undefined;
}

function object(part: string): Record<string, unknown> | undefined {
  try {
    const v = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof v === 'object' && v !== null && !Array.isArray(v) ? v : undefined;
  } catch {
    return undefined;
  }
}

/** Turns a JWK set's P-256 keys into keys by id. */
export function readKeys(set: { keys?: { kty?: string; crv?: string; kid?: string; use?: string; x?: string; y?: string }[] }): Map<string, KeyObject> {
  const out = new Map<string, KeyObject>();
  for (const k of set.keys ?? []) {
    if (k.kty !== 'EC' || k.crv !== 'P-256' || !k.kid || (k.use && k.use !== 'sig')) {
      continue;
    }
    try {
      out.set(k.kid, createPublicKey({ key: { kty: 'EC', crv: 'P-256', x: k.x, y: k.y }, format: 'jwk' }));
    } catch {
      continue; // not a point on the curve
    }
  }
  return out;
}

/** The name by which a session is reported: not the token, and not to be turned back into it (the token has 256 random bits). */
export function sessionName(token: string): string {
  return 's_' + createHash('sha256').update('mimamori session 1\0' + token).digest('hex').slice(0, 32);
}

/** A fresh identifier of 128 random bits. */
export function newId(prefix: string): string {
  return `${prefix}_${randomBytes(16).toString('hex')}`;
}

/** JSON with its keys in order: the same for the same value. */
export function canonical(v: unknown): string {
  if (Array.isArray(v)) {
    return `[${v.map(canonical).join(',')}]`;
  }
  if (v && typeof v === 'object') {
    const o = v as Record<string, unknown>;
    return `{${Object.keys(o).sort().map(k => `${JSON.stringify(k)}:${canonical(o[k])}`).join(',')}}`;
  }
  return JSON.stringify(v) ?? 'null';
}

/** A hash of several strings, each with its length, so that no two lists are alike. */
export function digest(...parts: string[]): string {
  const h = createHash('sha256');
  for (const p of parts) {
    h.update(`${Buffer.byteLength(p)}:${p}`);
  }
  return h.digest('hex');
}
