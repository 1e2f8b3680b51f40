import { CallHandler, ExecutionContext, Injectable, NestInterceptor } from '@nestjs/common';
import {
  Customer, I18nError, internal_getRequestContext, Logger, LogLevel, NativeAuthenticationMethod, RequestContext, RequestContextService, TransactionalConnection, User, UserService,
} from '@vendure/core';
import type { Request, Response } from 'express';
import type { GraphQLResolveInfo } from 'graphql';
import { from, lastValueFrom, Observable } from 'rxjs';
import { Accounts } from './account';
import { Doors } from './doors';
import { LOG, Text } from './options';
import { Outbox } from './outbox';
import { Refusal, SignIns } from './signin';
import { sessionName } from './wire';

/** Operations that begin a session when they succeed. */
const BEGIN = new Set(['login', 'authenticate', 'verifyCustomerAccount', 'resetPassword']);

/** What a hold stops: the shop API's operations by scope, and the act that the gate is asked about. */
const GUARDED: Record<string, { scopes: string[]; act: string }> = {
  transitionOrderToState: { scopes: ['orders'], act: 'order' },
  addPaymentToOrder: { scopes: ['orders', 'payment'], act: 'order' },
  updateCustomer: { scopes: ['contact'], act: 'contact' },
  createCustomerAddress: { scopes: ['contact'], act: 'contact' },
  updateCustomerAddress: { scopes: ['contact'], act: 'contact' },
  deleteCustomerAddress: { scopes: ['contact'], act: 'contact' },
  requestUpdateCustomerEmailAddress: { scopes: ['contact'], act: 'contact' },
  updateCustomerEmailAddress: { scopes: ['contact'], act: 'contact' },
  updateCustomerPassword: { scopes: ['contact'], act: 'factor' },
};

const HELD: Text = {
  ja: '安全確認のため、この操作はいま受け付けていません。セキュリティセンターをご覧ください。',
  en: 'This is not possible just now, while we make sure that the account is safe. Please look at the security centre.',
};

/** How often a session that goes on is reported. */
const SEEN_AFTER = 5 * 60_000;

type Args = { username?: string; password?: string; emailAddress?: string; token?: string; input?: Record<string, unknown> & { native?: { username?: string; password?: string }; emailAddress?: string } };

/**
 * Stands before and after every operation of the shop API: refuses what is
 * held or belongs to a session that ended, and hands sign-ins to SignIns. An
 * interceptor and not a guard, because it needs the session that Vendure's own
 * guard finds, and what the operation came to.
 */
@Injectable()
export class Gatekeeper implements NestInterceptor {
  private lastSeen = new Map<string, { at: number; ip: string }>();

  constructor(
    private accounts: Accounts, private signIns: SignIns, private doors: Doors, private outbox: Outbox,
    private users: UserService, private connection: TransactionalConnection, private contexts: RequestContextService,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType<string>() !== 'graphql') {
      return next.handle();
    }
    const [, args, { req, res }, info] = context.getArgs<[unknown, Args, { req: Request; res: Response }, GraphQLResolveInfo]>();
    const ctx = internal_getRequestContext(req as never, context);
    if (ctx?.apiType !== 'shop') {
      return next.handle();
    }
    return from(this.around(ctx, info.fieldName, args, req, res, () => lastValueFrom(next.handle(), { defaultValue: undefined })));
  }

  private async around(ctx: RequestContext, name: string, args: Args, req: Request, res: Response, act: () => Promise<unknown>): Promise<unknown> {
    if (ctx.activeUserId && ctx.session) {
      await this.mayGoOn(ctx, name, req);
    }
    if (await this.isDead(ctx, name, args)) {
      return name === 'requestPasswordReset' || name === 'registerCustomerAccount' ? { __typename: 'Success', success: true } : refuse('mimamori:password_invalid');
    }
    const result = await act();
    this.outbox.wake();
    return BEGIN.has(name) ? this.begun(ctx, name, args, req, res, result) : result;
  }

  /** Throws unless the session may do this now. */
  private async mayGoOn(ctx: RequestContext, name: string, req: Request): Promise<void> {
    const session = sessionName(ctx.session!.token);
    const stopped = await this.accounts.stopped(ctx, session);
    if (stopped?.challenge === '') {
      throw refused('MIMAMORI_SESSION_ENDED', HELD); // revoked; this server still had it in its cache
    }
    if (stopped && name !== 'mimamoriChallenge' && name !== 'logout') {
      throw refused('MIMAMORI_CHALLENGE', HELD, { challenge: stopped.challenge });
    }
    const standing = await this.accounts.standing(ctx, ctx.activeUserId!);
    if (standing?.passwordInvalid && name !== 'logout') {
      throw refused('MIMAMORI_SESSION_ENDED', HELD);
    }
    const customer = standing && !this.isNews(session, req) ? undefined : await this.accounts.byUser(ctx, ctx.activeUserId!);
    if (customer) {
      await this.accounts.ensureSeen(ctx, customer); // before the act, so that each change has a before
      await this.report(ctx, req, customer, session);
    }
    const guarded = GUARDED[name];
    if (!guarded) {
      return;
    }
    if (guarded.scopes.some(s => standing?.held.includes(s))) {
      throw refused('MIMAMORI_HELD', HELD);
    }
    await this.askGate(standing?.subject ?? String(customer?.id), guarded.act, session);
  }

  private async askGate(subject: string, act: string, session: string): Promise<void> {
    const gate = await this.doors.gate(subject, act, session).catch((e: Error) => {
      Logger.warn(`the gate did not answer: ${e.message}`, LOG);
      return undefined; // what is held stands in our own table, and was looked at
    });
    if (gate && gate.decision !== 'allow' && gate.decision !== 'notify') {
      const code = gate.decision === 'challenge' ? 'MIMAMORI_CHALLENGE' : 'MIMAMORI_HELD';
      throw refused(code, gate.text ?? HELD, { url: gate.challenge?.url, waitUntil: gate.wait_until });
    }
  }

  private isNews(session: string, req: Request): boolean {
    const last = this.lastSeen.get(session);
    return !last || last.ip !== this.signIns.address(req) || Date.now() - last.at > SEEN_AFTER;
  }

  private async report(ctx: RequestContext, req: Request, customer: Customer, session: string): Promise<void> {
    if (!this.isNews(session, req)) {
      return;
    }
    if (this.lastSeen.size > 50_000) {
      this.lastSeen.clear();
    }
    this.lastSeen.set(session, { at: Date.now(), ip: this.signIns.address(req) });
    await this.signIns.goesOn(ctx, req, customer, session);
  }

  /** Says whether this would lead around a password that is invalid, or around a hold of the contacts. */
  private async isDead(ctx: RequestContext, name: string, args: Args): Promise<boolean> {
    let user: User | undefined;
    if (name === 'requestPasswordReset') {
      user = await this.users.getUserByEmailAddress(ctx, args.emailAddress ?? '', 'customer');
    } else if (name === 'registerCustomerAccount') {
      user = await this.users.getUserByEmailAddress(ctx, args.input?.emailAddress ?? '', 'customer');
    } else if ((name === 'resetPassword' || name === 'updateCustomerEmailAddress') && args.token) {
      const column = name === 'resetPassword' ? 'passwordResetToken' : 'identifierChangeToken';
      user = (await this.connection.getRepository(ctx, NativeAuthenticationMethod).findOne({ where: { [column]: args.token }, relations: { user: true } }))?.user;
    }
    const standing = user && (await this.accounts.standing(ctx, user.id));
    return !!standing && (standing.passwordInvalid || (name === 'updateCustomerEmailAddress' && standing.held.includes('contact')));
  }

  private async begun(ctx: RequestContext, name: string, args: Args, req: Request, res: Response, result: unknown): Promise<unknown> {
    const r = (result ?? {}) as { id?: string; identifier?: string; errorCode?: string };
    const fresh = await this.contexts.create({ apiType: 'shop', req: req as never, channelOrToken: ctx.channel, languageCode: ctx.languageCode });
    const native = args.input?.native;
    const password = args.password ?? native?.password;
    let refusal: Refusal | undefined;
    if (r.id && r.identifier && !r.errorCode) {
      refusal = await this.signIns.succeeded(fresh, req, res, r.id, password);
    } else if (r.errorCode === 'INVALID_CREDENTIALS_ERROR' && (name === 'login' || name === 'authenticate')) {
      refusal = await this.signIns.failed(fresh, req, args.username ?? native?.username, password);
    }
    if (!refusal) {
      return result;
    }
    if (name === 'login' || name === 'authenticate') {
      return refuse(refusal);
    }
    throw refused('MIMAMORI_HELD', HELD, { refusal });
  }
}

/** A refusal in the form that Vendure's own sign-in has, so that no schema changes: authenticationError says why. */
function refuse(why: Refusal): unknown {
  return { __typename: 'InvalidCredentialsError', errorCode: 'INVALID_CREDENTIALS_ERROR', message: 'INVALID_CREDENTIALS_ERROR', authenticationError: why };
}

/** A refusal with its reason in both languages; expected, and so no warning in the log. */
class Refused extends I18nError {
  constructor(code: string, text: Text, more: Record<string, unknown> = {}) {
    super(text.en, {}, code, LogLevel.Verbose);
    Object.assign(this.extensions, { text, ...more });
  }
}

function refused(code: string, text: Text, more: Record<string, unknown> = {}): Refused {
  return new Refused(code, text, more);
}
