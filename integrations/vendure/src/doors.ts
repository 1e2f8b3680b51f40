import { Inject, Injectable } from '@nestjs/common';
import type { KeyObject } from 'crypto';
import { MimamoriOptions, OPTIONS, Text } from './options';
import { Grant, readGrant, readKeys } from './wire';

/** An event as CloudEvents 1.0 write it (docs/events.md of Mimamori). */
export interface CloudEvent {
  specversion: '1.0';
  id: string;
  source: string;
  type: string;
  subject: string;
  time: string;
  data: Record<string, unknown>;
}

/** What Mimamori decided about a sign-in. */
export interface Decision {
  decision: 'allow' | 'notify' | 'challenge' | 'hold' | 'contain';
  device?: string;
  challenge?: { id: string; url: string };
}

/** The answer before a sensitive act. */
export interface Gate {
  decision: Decision['decision'];
  obligations: string[];
  wait_until?: string;
  text?: Text;
  challenge?: { id: string; url: string };
}

/** A refusal. */
export class DoorError extends Error {
  constructor(readonly status: number, readonly retryAfter: number, type: string) {
    super(`Mimamori answered ${status} ${type}`);
  }

  /** The same request can never be taken. */
  get permanent(): boolean {
    return [400, 409, 413, 422].includes(this.status);
  }
}

/** Speaks with Mimamori's doors. Nothing here decides what happens when they do not answer: the callers do. */
@Injectable()
export class Doors {
  private readonly base: string;
  private keys?: { at: number; byId: Map<string, KeyObject> };

  constructor(@Inject(OPTIONS) private readonly options: MimamoriOptions) {
    this.base = options.url.replace(/\/+$/, '');
  }

  get timeout(): number {
    return this.options.timeout ?? 150;
  }

  event(type: string, subject: string, id: string, data: Record<string, unknown>): CloudEvent {
    return { specversion: '1.0', id, source: this.options.source, type, subject, time: new Date().toISOString(), data };
  }

  decide(e: CloudEvent): Promise<Decision> {
    return this.call('POST', '/v1/decisions', e, this.timeout);
  }

  async send(events: CloudEvent[]): Promise<void> {
    await this.call('POST', '/v1/events', events.length === 1 ? events[0] : events, 10_000);
  }

  gate(subject: string, act: string, session: string): Promise<Gate> {
    const q = new URLSearchParams({ act, session });
    return this.call('GET', `/v1/accounts/${encodeURIComponent(subject)}/gate?${q}`, undefined, this.timeout);
  }

  async handoff(ask: { subject: string; session: string; locale: string; page?: string; return_url: string }): Promise<string> {
    return (await this.call<{ url: string }>('POST', '/v1/handoffs', ask, 5000)).url;
  }

  async recover(subject: string | null, locale: string, returnUrl: string): Promise<string> {
    return (await this.call<{ url: string }>('POST', '/v1/recoveries', { subject, locale, return_url: returnUrl }, 5000)).url;
  }

  /** Says whether this challenge lets this session in; it counts once. */
  async passed(id: string, subject: string, session: string): Promise<boolean> {
    const c = await this.call<{ state: string; subject: string; session: string }>('GET', `/v1/challenges/${encodeURIComponent(id)}`, undefined, 5000);
    return c.state === 'passed' && c.subject === subject && c.session === session;
  }

  /** Checks a grant without using it up. */
  grant(token: string): Promise<Grant | undefined> {
    return readGrant(token, { issuer: this.options.issuer ?? this.base, audience: this.options.source, key: kid => this.key(kid) });
  }

  /** Uses a grant up; false when it was used before or never given. */
  async redeem(jti: string): Promise<boolean> {
    try {
      await this.call('POST', `/v1/grants/${encodeURIComponent(jti)}/redeem`, undefined, 5000);
      return true;
    } catch (e) {
      if (e instanceof DoorError && (e.permanent || e.status === 404 || e.status === 410)) {
        return false;
      }
      throw e;
    }
  }

  /** Asks for the keys when they are ten minutes old, or when one is unknown, at most every ten seconds: forged ids must not become traffic. */
  private async key(kid: string): Promise<KeyObject | undefined> {
    const age = this.keys ? Date.now() - this.keys.at : Infinity;
    if (!this.keys || age > 600_000 || (!this.keys.byId.has(kid) && age > 10_000)) {
      this.keys = { at: Date.now(), byId: readKeys(await this.call('GET', '/.well-known/jwks.json', undefined, 5000)) };
    }
    return this.keys.byId.get(kid);
  }

  private async call<T>(method: string, path: string, body: unknown, timeout: number): Promise<T> {
    const res = await fetch(this.base + path, {
      method,
      redirect: 'manual', // a door never redirects; following would hand the key to whoever answers
      signal: AbortSignal.timeout(timeout),
      headers: {
        authorization: `Bearer ${this.options.key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await res.text();
    if (res.status < 200 || res.status > 299) {
      let type = '';
      try {
        type = String(JSON.parse(text).type ?? '');
      } catch {
        // not every refusal on the way is problem+json
      }
      throw new DoorError(res.status, Number(res.headers.get('retry-after')) || 0, type);
    }
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }
}
