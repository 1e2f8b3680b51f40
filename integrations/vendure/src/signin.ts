import { Inject, Injectable } from '@nestjs/common';
import {
  AuthenticatedSession, ConfigService, Customer, ID, Logger, PasswordCipher, RequestContext, SessionService, TransactionalConnection, UserService,
} from '@vendure/core';
import { createHmac, randomBytes } from 'crypto';
import type { Request, Response } from 'express';
import { Accounts } from './account';
import { Decision, DoorError, Doors } from './doors';
import { MimamoriAccount, MimamoriSession } from './entities';
import { LOG, MimamoriOptions, OPTIONS } from './options';
import { Outbox } from './outbox';
import { newId, sessionName } from './wire';

const COOKIE = 'mimamori_device';
const CLIENT_HINTS = ['sec-ch-ua', 'sec-ch-ua-mobile', 'sec-ch-ua-platform'];

/** What a storefront reads in authenticationError of a refused sign-in. */
export type Refusal = 'mimamori:password_invalid' | 'mimamori:contained' | `mimamori:challenge:${string}`;

/** Reports sign-ins, asks for a decision about each that succeeded, and does what it says. */
@Injectable()
export class SignIns {
  private day = { key: randomBytes(32), date: '' }; // of the password's tag; never stored
  private readonly strangerKey = randomBytes(32);

  constructor(
    private connection: TransactionalConnection, private config: ConfigService, private sessions: SessionService, private users: UserService,
    private cipher: PasswordCipher, private accounts: Accounts, private outbox: Outbox, private doors: Doors,
    @Inject(OPTIONS) private options: MimamoriOptions,
  ) {}

  /** After a sign-in that Vendure let through: undefined when it may stand, else why not. */
  async succeeded(ctx: RequestContext, req: Request, res: Response, userId: ID, password?: string): Promise<Refusal | undefined> {
    const customer = await this.accounts.byUser(ctx, userId);
    const token = this.tokenOf(req, res);
    if (!customer || !token) {
      return undefined;
    }
    // Also the end of a race: a sign-in that began before password.invalidate and is through after it.
    const standing = await this.accounts.standing(ctx, userId);
    if (standing?.passwordInvalid) {
      await this.end(ctx, token, req, res);
      return 'mimamori:password_invalid';
    }
    await this.accounts.ensureSeen(ctx, customer);
    const session = sessionName(token);
    const e = this.doors.event('login.attempted', String(customer.id), newId('ev'), {
      outcome: 'succeeded', session, factor: 'none', ...this.from(req), ...this.tag(password),
    });
    let decision: Decision = { decision: 'allow' };
    try {
      decision = await this.doors.decide(e);
    } catch (err) {
      // Not in time: the sign-in is let through and the same event goes out until it is taken.
      // What is decided meanwhile comes as commands.
      Logger.warn(`no decision: ${(err as Error).message}`, LOG);
      if (!(err instanceof DoorError && err.permanent)) {
        await this.outbox.keep(ctx, e);
      }
    }
    if (decision.device) {
      const secure = req.secure || process.env.NODE_ENV === 'production';
      res.cookie(COOKIE, decision.device, { httpOnly: true, secure, sameSite: 'lax', maxAge: 400 * 86_400_000 });
    }
    if (decision.decision === 'contain') {
      await this.end(ctx, token, req, res);
      return 'mimamori:contained';
    }
    if (decision.decision === 'challenge' && decision.challenge) {
      await this.connection.getRepository(ctx, MimamoriSession).save({ name: session, challenge: decision.challenge.id, at: String(Date.now()) });
      return `mimamori:challenge:${decision.challenge.url}`;
    }
    return undefined;
  }

  /** After a refused sign-in. The old password of a contained account leads to the way back. */
  async failed(ctx: RequestContext, req: Request, identifier: string | undefined, password?: string): Promise<Refusal | undefined> {
    if (!identifier) {
      return undefined;
    }
    const user = await this.users.getUserByEmailAddress(ctx, identifier, 'customer');
    const customer = user && (await this.accounts.byUser(ctx, user.id));
    const what = { ...this.from(req), ...this.tag(password) };
    if (!customer) {
      const nobody = createHmac('sha256', this.strangerKey).update(identifier.trim().toLowerCase()).digest('hex').slice(0, 24);
      await this.outbox.add(ctx, 'login.attempted', `nobody-${nobody}`, { outcome: 'unknown_account', ...what });
      return undefined;
    }
    await this.outbox.add(ctx, 'login.attempted', String(customer.id), { outcome: 'wrong_password', ...what });
    const standing = await this.connection.getRepository(ctx, MimamoriAccount)
      .findOne({ where: { userId: String(user.id) }, select: ['id', 'passwordInvalid', 'formerHash'] });
    if (standing?.passwordInvalid && standing.formerHash && password && (await this.cipher.check(password, standing.formerHash))) {
      return 'mimamori:password_invalid';
    }
    return undefined;
  }

  /** Reports that a session goes on. */
  async goesOn(ctx: RequestContext, req: Request, customer: Customer, session: string): Promise<void> {
    const { ip, user_agent, device } = this.from(req);
    await this.outbox.add(ctx, 'session.seen', String(customer.id), { session, ip, user_agent, ...(device ? { device } : {}) });
  }

  address(req: Request): string {
    const ip = this.options.clientIp?.(req) ?? req.ip ?? '0.0.0.0';
    return ip.replace(/^::ffff:/, '').replace(/%.*$/, '');
  }

  private from(req: Request): { ip: string; user_agent: string; device?: string; accept_language?: string; client_hints?: Record<string, string> } {
    const hints = Object.fromEntries(CLIENT_HINTS.flatMap(h => (req.get(h) ? [[h, req.get(h)!.slice(0, 200)]] : [])));
    const language = req.get('accept-language');
    const device = /(?:^|;\s*)mimamori_device=([\w.-]{1,200})/.exec(req.get('cookie') ?? '')?.[1];
    return {
      ip: this.address(req), user_agent: (req.get('user-agent') ?? '').slice(0, 500),
      ...(device ? { device } : {}), ...(language ? { accept_language: language.slice(0, 200) } : {}),
      ...(Object.keys(hints).length > 0 ? { client_hints: hints } : {}),
    };
  }

  /** Twenty bits under a key that lives a day: enough to see one password tried on many accounts, too few to find it. */
  private tag(password?: string): { password_tag?: string } {
    if (!password) {
      return {};
    }
    const date = new Date().toISOString().slice(0, 10);
    if (this.day.date !== date) {
      this.day = { key: randomBytes(32), date };
    }
    return { password_tag: createHmac('sha256', this.day.key).update(password).digest('hex').slice(0, 5) };
  }

  private tokenOf(req: Request, res: Response): string {
    const header = res.getHeader(this.config.authOptions.authTokenHeaderKey ?? 'vendure-auth-token');
    return (typeof header === 'string' && header) || (req as Request & { session?: { token?: string } }).session?.token || '';
  }

  private async end(ctx: RequestContext, token: string, req: Request, res: Response): Promise<void> {
    const repository = this.connection.getRepository(ctx, AuthenticatedSession);
    await repository.remove(await repository.find({ where: { token } }));
    await this.config.authOptions.sessionCacheStrategy.delete(token);
    await this.connection.getRepository(ctx, MimamoriSession).save({ name: sessionName(token), challenge: '', at: String(Date.now()) });
    const cookie = (req as Request & { session?: { token?: string } }).session;
    if (cookie) {
      cookie.token = '';
    }
    res.removeHeader(this.config.authOptions.authTokenHeaderKey ?? 'vendure-auth-token');
  }

  /** Sets the password that a grant allows. The grant is used up last, so that a poor password does not cost it. */
  async setPassword(ctx: RequestContext, token: string, password: string): Promise<'ok' | 'grant' | 'weak' | 'former'> {
    const grant = await this.doors.grant(token);
    const customer = grant && (await this.accounts.bySubject(ctx, grant.subject));
    const user = customer?.user && (await this.users.getUserById(ctx, customer.user.id));
    const method = user?.getNativeAuthenticationMethod(false);
    if (!grant || !customer || !user || !method) {
      return 'grant';
    }
    const rows = this.connection.getRepository(ctx, MimamoriAccount);
    await this.accounts.ensureSeen(ctx, customer);
    const standing = await rows.findOneOrFail({ where: { subject: grant.subject }, select: ['id', 'passwordInvalid', 'formerHash'] });
    if ((await this.config.authOptions.passwordValidationStrategy.validate(ctx, password)) !== true) {
      return 'weak';
    }
    const methods = this.connection.getRepository(ctx, method.constructor as typeof method.constructor & (new () => typeof method));
    const held = await methods.findOne({ where: { id: method.id }, select: ['id', 'passwordHash'] as never[] });
    for (const hash of [standing.formerHash, held?.passwordHash]) {
      if (hash && (await this.cipher.check(password, hash))) {
        return 'former';
      }
    }
    const passwordHash = await this.cipher.hash(password);
    if (!(await this.doors.redeem(grant.jti))) {
      return 'grant';
    }
    await methods.update(method.id, { passwordHash, passwordResetToken: null, verificationToken: null } as never);
    await rows.update(standing.id, { passwordInvalid: false });
    await this.sessions.deleteSessionsByUser(ctx, user);
    await this.outbox.add(ctx, 'account.changed', grant.subject, {
      by: 'customer', resource: { kind: 'password', id: 'password' }, op: 'changed', grant: grant.jti,
    });
    return 'ok';
  }
}
