import type { ID, RequestContext } from '@vendure/core';
import type { Request } from 'express';

/** Text that a person reads, in both languages. */
export interface Text {
  ja: string;
  en: string;
}

/** The answer to a command (docs/commands.md of Mimamori). */
export interface Answer {
  result: 'done' | 'already' | 'impossible' | 'later';
  why?: Text & { code: string };
  after?: number; // seconds, with later
}

/**
 * A loyalty plugin's side. Vendure has no points of its own; without this the
 * commands about points are answered impossible, with the code no_points.
 * Each is called in the transaction of ctx.
 */
export interface PointsStrategy {
  read(ctx: RequestContext, customerId: ID): Promise<{ balance: number; frozen: boolean }>;
  freeze(ctx: RequestContext, customerId: ID, frozen: boolean): Promise<Answer>;
  /** Must give an entry back at most once per incident, whatever the command's id. */
  restore(ctx: RequestContext, customerId: ID, entry: string, amount: number, incident: string): Promise<Answer>;
}

/** What MimamoriPlugin.init takes. The first four are required. */
export interface MimamoriOptions {
  /** Mimamori's doors, as https://security.shop.example. */
  url: string;
  /** The API key, from `mimamori key create`. */
  key: string;
  /** The CloudEvents source of this shop, as shop.source at Mimamori; the audience of grants. */
  source: string;
  /** whsec_…, from `mimamori shop-secret`; several while one is being changed. */
  secrets: string[];

  /** The issuer of grants; unless set, url. */
  issuer?: string;
  /** How long a sign-in waits for a decision, in milliseconds; 150 unless set. */
  timeout?: number;
  /** The storefront's page that takes a grant in its fragment (#grant=…) and asks for the new password. */
  passwordPage?: string;
  /** Where the client's address is read from; unless set, req.ip (see apiOptions.trustProxy). */
  clientIp?: (req: Request) => string;
  /** IANA name of the time zone most customers live in, as Asia/Tokyo. */
  timeZone?: string;
  /** A loyalty plugin's points, if the shop has such. */
  points?: PointsStrategy;
  /** Told of an address that an intruder brought in: it may be another victim's. */
  onSuspect?: (ctx: RequestContext, customerId: ID, kind: string, id: string) => Promise<void>;
}

/** The token under which the options are injected. */
export const OPTIONS = Symbol('mimamori options');

/** Names this plugin in Vendure's log. */
export const LOG = 'Mimamori';
