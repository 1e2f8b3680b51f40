import { Inject, Injectable } from '@nestjs/common';
import {
  Address, AuthenticatedSession, ConfigService, Country, Customer, CustomerService, HistoryService, ID, isGraphQlErrorResult, Logger, NativeAuthenticationMethod,
  Order, OrderService, RequestContext, RequestContextService, TransactionalConnection,
} from '@vendure/core';
import { LessThan } from 'typeorm';
import { Accounts, stateOf, underCommand } from './account';
import { MimamoriAccount, MimamoriCommand, MimamoriSession } from './entities';
import { Answer, LOG, MimamoriOptions, OPTIONS } from './options';
import { Outbox } from './outbox';
import { canonical, digest, sessionName } from './wire';

/** How long an answer is kept: Mimamori may repeat a command for 76 hours. */
const MEMORY = 80 * 3600 * 1000;

/** A command as it comes. */
export interface Command {
  id: string;
  type: string;
  subject: string;
  incident: string;
  at: string;
  data: Record<string, unknown>;
}

/** The id was used for another command. */
export class OtherCommand extends Error {}

const done: Answer = { result: 'done' };
const already: Answer = { result: 'already' };
const impossible = (code: string, ja: string, en: string): Answer => ({ result: 'impossible', why: { code, ja, en } });
const noSuchOrder = impossible('unknown_order', 'この注文は見つかりません', 'There is no such order');
const noPoints = impossible('no_points', 'このお店にポイントはありません', 'This shop has no points');
const noSuchThing = impossible('no_such_thing', 'このお店ではこの項目を登録していません', 'This shop keeps no such thing');
const text = (v: unknown): string => (typeof v === 'string' ? v : '');

/** Carries commands out through Vendure's own services. */
@Injectable()
export class Commands {
  private turns = new Map<string, Promise<unknown>>();

  constructor(
    private connection: TransactionalConnection, private contexts: RequestContextService, private config: ConfigService,
    private customers: CustomerService, private orders: OrderService, private history: HistoryService,
    private accounts: Accounts, private outbox: Outbox, @Inject(OPTIONS) private options: MimamoriOptions,
  ) {}

  /** Does a command once. What it changes, the events that tell of it and its answer are one transaction. */
  async once(c: Command): Promise<Answer> {
    // One at a time for an account in this process; between processes the key of MimamoriCommand decides.
    const before = this.turns.get(c.subject) ?? Promise.resolve();
    const mine = before.catch(() => undefined).then(() => this.inTransaction(c));
    this.turns.set(c.subject, mine);
    try {
      return await mine;
    } finally {
      if (this.turns.get(c.subject) === mine) {
        this.turns.delete(c.subject);
      }
    }
  }

  private async inTransaction(c: Command): Promise<Answer> {
    const ctx = await this.contexts.create({ apiType: 'admin' });
    const print = digest(c.type, c.subject, c.incident, canonical(c.data));
    const after: Array<() => Promise<void>> = [];
    const answer = await this.connection.withTransaction(ctx, async tx => {
      const memory = this.connection.getRepository(tx, MimamoriCommand);
      const known = await memory.findOne({ where: { id: c.id } });
      if (known && known.digest !== print) {
        throw new OtherCommand();
      }
      if (known) {
        return JSON.parse(known.answer) as Answer;
      }
      const answer = await underCommand.run(c.id, () => this.apply(tx, c, after));
      if (answer.result !== 'later') {
        await memory.insert({ id: c.id, digest: print, answer: JSON.stringify(answer), at: String(Date.now()) });
        await memory.delete({ at: LessThan(String(Date.now() - MEMORY)) });
      }
      return answer;
    });
    for (const act of after) {
      await act();
    }
    this.outbox.wake();
    Logger.info(`${c.type} for ${c.incident}: ${answer.result}${answer.why ? ` (${answer.why.code})` : ''}`, LOG);
    return answer;
  }

  private async apply(ctx: RequestContext, c: Command, after: Array<() => Promise<void>>): Promise<Answer> {
    const customer = await this.accounts.bySubject(ctx, c.subject);
    if (!customer?.user) {
      return impossible('unknown_account', 'このアカウントは見つかりません', 'There is no such account');
    }
    await this.accounts.ensureSeen(ctx, customer);
    switch (c.type) {
      case 'sessions.revoke':
        return this.revoke(ctx, customer, new Date(text(c.data.before)), text(c.data.session), after);
      case 'password.invalidate':
        return this.invalidate(ctx, customer);
      case 'account.hold':
        return this.hold(ctx, customer, c.data.scopes, true);
      case 'account.release':
        return this.hold(ctx, customer, c.data.scopes, false);
      case 'order.cancel':
        return this.cancel(ctx, customer, text(c.data.order), c.incident);
      case 'order.unhide': // Vendure hides no order
        return (await this.orderOf(ctx, customer, text(c.data.order))) ? already : noSuchOrder;
      case 'resource.restore':
        return this.restore(ctx, customer, text(c.data.kind), text(c.data.id), (c.data.value ?? {}) as Record<string, unknown>);
      case 'resource.remove':
        return this.remove(ctx, customer, text(c.data.kind), text(c.data.id));
      case 'points.freeze':
      case 'points.unfreeze':
        return this.options.points?.freeze(ctx, customer.id, c.type === 'points.freeze') ?? noPoints;
      case 'points.restore':
        return this.options.points?.restore(ctx, customer.id, text(c.data.entry), Number(c.data.amount), c.incident) ?? noPoints;
      case 'payment.suspect':
        return this.suspect(ctx, customer, text(c.data.kind), text(c.data.id), c.incident);
    }
    return impossible('unknown_command', 'この指示には対応していません', 'This command is not known here');
  }

  private async revoke(ctx: RequestContext, customer: Customer, before: Date, only: string, after: Array<() => Promise<void>>): Promise<Answer> {
    if (Number.isNaN(before.getTime())) {
      return impossible('invalid', '指示の内容を読み取れません', 'The command cannot be read');
    }
    const repository = this.connection.getRepository(ctx, AuthenticatedSession);
    const ended = (await repository.find({ where: { user: { id: customer.user!.id } } })).filter(s => s.createdAt < before && (!only || sessionName(s.token) === only));
    for (const s of ended) {
      const name = sessionName(s.token);
      // Other servers may hold the session in their cache for a while: they look here.
      await this.connection.getRepository(ctx, MimamoriSession).save({ name, challenge: '', at: String(Date.now()) });
      await this.outbox.add(ctx, 'session.ended', String(customer.id), { session: name, by: 'system', command: underCommand.getStore() });
    }
    await repository.remove([...ended]);
    const tokens = ended.map(s => s.token);
    after.push(async () => {
      for (const token of tokens) {
        await this.config.authOptions.sessionCacheStrategy.delete(token);
      }
    });
    return tokens.length > 0 ? done : already;
  }

  /** Takes the password away, and every other way that Vendure has to a new one or to another mail address. */
  private async invalidate(ctx: RequestContext, customer: Customer): Promise<Answer> {
    const accounts = this.connection.getRepository(ctx, MimamoriAccount);
    const standing = await accounts.findOneOrFail({ where: { subject: String(customer.id) } });
    if (standing.passwordInvalid) {
      return already;
    }
    const methods = this.connection.getRepository(ctx, NativeAuthenticationMethod);
    const method = await methods.findOne({ where: { user: { id: customer.user!.id } }, select: ['id', 'passwordHash'] });
    if (method) {
      await methods.update(method.id, {
        passwordHash: '', verificationToken: null as never, passwordResetToken: null as never, identifierChangeToken: null as never, pendingIdentifier: null as never,
      });
    }
    await accounts.update(standing.id, { passwordInvalid: true, formerHash: method?.passwordHash ?? '' });
    await this.outbox.add(ctx, 'account.changed', String(customer.id), {
      resource: { kind: 'password', id: 'password' }, op: 'changed', by: 'system', command: underCommand.getStore(),
    });
    return done;
  }

  private async hold(ctx: RequestContext, customer: Customer, scopes: unknown, on: boolean): Promise<Answer> {
    const known = ['orders', 'points', 'contact', 'payment'];
    const asked = Array.isArray(scopes) ? scopes.filter((s): s is string => known.includes(s)) : [];
    const accounts = this.connection.getRepository(ctx, MimamoriAccount);
    const standing = await accounts.findOneOrFail({ where: { subject: String(customer.id) } });
    const held = known.filter(s => (asked.includes(s) ? on : standing.held.includes(s)));
    if (held.length === standing.held.length) {
      return already;
    }
    await accounts.update(standing.id, { held });
    return done;
  }

  private async orderOf(ctx: RequestContext, customer: Customer, code: string): Promise<Order | undefined> {
    return (await this.connection.getRepository(ctx, Order).findOne({ where: { code, customer: { id: customer.id } }, relations: { payments: true } })) ?? undefined;
  }

  private async cancel(ctx: RequestContext, customer: Customer, code: string, incident: string): Promise<Answer> {
    const order = await this.orderOf(ctx, customer, code);
    if (!order?.orderPlacedAt) {
      return noSuchOrder;
    }
    switch (stateOf(order.state)) {
      case 'cancelled':
        return already;
      case 'shipped':
        return impossible('shipped', 'すでに発送されています', 'It has been shipped');
    }
    for (const p of order.payments.filter(p => p.state === 'Authorized')) {
      await this.orders.cancelPayment(ctx, p.id);
    }
    const result = await this.orders.cancelOrder(ctx, { orderId: order.id, cancelShipping: true, reason: `Mimamori ${incident}` });
    if (isGraphQlErrorResult(result)) {
      return impossible('refused', 'お店の手順により、この状態の注文は取り消せません', `The shop's order process does not let it be cancelled (${order.state})`);
    }
    if (result.state !== 'Cancelled') { // what was cancelled of it must not stay so by half
      throw new Error(`order ${code} stays ${result.state}`);
    }
    return done;
  }

  private async restore(ctx: RequestContext, customer: Customer, kind: string, id: string, value: Record<string, unknown>): Promise<Answer> {
    const now = (await this.accounts.resources(ctx, customer)).find(r => r.kind === kind && r.id === id);
    if (now && canonical(now.value) === canonical({ ...now.value, ...value })) {
      return already;
    }
    if (kind === 'contact') {
      return this.restoreContact(ctx, customer.id, id, value);
    }
    return kind === 'address' ? this.restoreAddress(ctx, customer, id, value) : noSuchThing;
  }

  private async restoreContact(ctx: RequestContext, customerId: ID, id: string, value: Record<string, unknown>): Promise<Answer> {
    const names = { title: text(value.title), firstName: text(value.first_name), lastName: text(value.last_name) };
    const input = { mail: { emailAddress: text(value.mail) }, phone: { phoneNumber: text(value.phone) }, name: names }[id];
    if (!input || (id === 'mail' && !value.mail) || (id === 'name' && !value.first_name && !value.last_name)) {
      return noSuchThing;
    }
    const result = await this.customers.update(ctx, { id: customerId, ...input });
    if (isGraphQlErrorResult(result)) {
      return impossible('mail_taken', 'このメールアドレスは別のアカウントで使われています', 'Another account has this mail address now');
    }
    return done;
  }

  /** Puts an address back whole; one that was removed is made again under its own id. */
  private async restoreAddress(ctx: RequestContext, customer: Customer, id: string, value: Record<string, unknown>): Promise<Answer> {
    const country = await this.connection.getRepository(ctx, Country).findOne({ where: { code: text(value.country) } });
    if (!country) {
      return impossible('unknown_country', 'この国はお店で扱っていません', 'The shop does not know this country');
    }
    const repository = this.connection.getRepository(ctx, Address);
    const existing = await repository.findOne({ where: { id }, relations: { customer: true } });
    if (existing && existing.customer?.id !== customer.id) {
      return noSuchThing;
    }
    const fields = {
      fullName: text(value.recipient), company: text(value.company), streetLine1: text(value.line), streetLine2: text(value.line2), city: text(value.city),
      province: text(value.prefecture), postalCode: text(value.postal_code), phoneNumber: text(value.phone),
      defaultShippingAddress: value.default_shipping === true, defaultBillingAddress: value.default_billing === true,
      ...(value.custom ? { customFields: value.custom } : {}),
    };
    if (!existing) {
      await repository.insert({ ...fields, id, country: { id: country.id }, customer: { id: customer.id } } as never);
    }
    // Through Vendure's service: it keeps one default address, writes the history and tells other plugins.
    await this.customers.updateAddress(ctx, { id, countryCode: country.code, ...fields });
    return done;
  }

  private async remove(ctx: RequestContext, customer: Customer, kind: string, id: string): Promise<Answer> {
    if (!(await this.accounts.resources(ctx, customer)).some(r => r.kind === kind && r.id === id)) {
      return already;
    }
    if (kind === 'address') {
      await this.customers.deleteAddress(ctx, id);
      await this.accounts.reportChanges(ctx, customer.id);
      return done;
    }
    if (id === 'phone') {
      await this.customers.update(ctx, { id: customer.id, phoneNumber: '' });
      return done;
    }
    return impossible('required', 'この項目は空にできません', 'An account cannot be without this');
  }

  /** Leaves a note for the staff: Vendure itself tells no card company anything. */
  private async suspect(ctx: RequestContext, customer: Customer, kind: string, id: string, incident: string): Promise<Answer> {
    await this.history.createHistoryEntryForCustomer({
      ctx, customerId: customer.id, type: 'CUSTOMER_NOTE' as never,
      data: { note: `Mimamori ${incident}: ${kind} ${id} was brought in by an intruder and may be another victim's.` } as never,
    }, false);
    await this.options.onSuspect?.(ctx, customer.id, kind, id);
    return done;
  }
}
