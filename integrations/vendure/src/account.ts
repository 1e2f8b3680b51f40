import { Inject, Injectable } from '@nestjs/common';
import {
  Address, AuthenticatedSession, ConfigService, Customer, ID, Order, OrderState, RequestContext, TransactionalConnection,
} from '@vendure/core';
import { CustomerHistoryEntry } from '@vendure/core/dist/entity/history-entry/customer-history-entry.entity';
import { AsyncLocalStorage } from 'async_hooks';
import { IsNull, MoreThan, Not } from 'typeorm';
import { MimamoriAccount, MimamoriSession } from './entities';
import { MimamoriOptions, OPTIONS } from './options';
import { Outbox } from './outbox';
import { canonical, sessionName } from './wire';

/** The id of the command that is being carried out: what happens meanwhile was done for it. */
export const underCommand = new AsyncLocalStorage<string>();

/** One registered thing. */
export interface Resource {
  kind: 'contact' | 'address';
  id: string;
  value: Record<string, unknown>;
  verified_at?: string;
  since?: string;
}

/** Who did something, as events tell it. */
export type Who = { session?: string; by?: string; command?: string };

const SHIPPED: OrderState[] = ['PartiallyShipped', 'Shipped', 'PartiallyDelivered', 'Delivered'];

/** An order's state in the words of the contract. */
export function stateOf(state: OrderState): 'placed' | 'shipped' | 'cancelled' {
  return state === 'Cancelled' ? 'cancelled' : SHIPPED.includes(state) ? 'shipped' : 'placed';
}

/** The language that a customer reads: her browser's, else the channel's. Vendure itself keeps none. */
export function localeOf(ctx: RequestContext): 'ja' | 'en' {
  const asked = /\b(ja|en)\b/i.exec(ctx.req?.get('accept-language') ?? '')?.[1].toLowerCase();
  return (asked ?? String(ctx.languageCode)).startsWith('en') ? 'en' : 'ja';
}

/** Reads accounts as Vendure holds them, and reports how they changed. */
@Injectable()
export class Accounts {
  private seen = new Set<string>();

  constructor(
    private connection: TransactionalConnection,
    private config: ConfigService,
    private outbox: Outbox,
    @Inject(OPTIONS) private options: MimamoriOptions,
  ) {}

  /** A customer who can sign in, by customer id. */
  async bySubject(ctx: RequestContext, subject: string): Promise<Customer | undefined> {
    const strategy = this.config.entityOptions.entityIdStrategy ?? this.config.entityIdStrategy;
    if (strategy?.primaryKeyType !== 'uuid' && !/^[1-9]\d{0,14}$/.test(subject)) {
      return undefined; // some databases would refuse the comparison, others read "1x" as 1
    }
    const found = await this.connection.getRepository(ctx, Customer).findOne({ where: { id: subject, deletedAt: IsNull() }, relations: { user: true } });
    return found?.user ? found : undefined;
  }

  async byUser(ctx: RequestContext, userId: ID): Promise<Customer | undefined> {
    const found = await this.connection.getRepository(ctx, Customer)
      .findOne({ where: { user: { id: userId }, deletedAt: IsNull() }, relations: { user: true } });
    return found ?? undefined;
  }

  /** What stands still for a user; undefined when the account was never reported. */
  async standing(ctx: RequestContext, userId: ID): Promise<MimamoriAccount | undefined> {
    return (await this.connection.getRepository(ctx, MimamoriAccount).findOne({ where: { userId: String(userId) } })) ?? undefined;
  }

  async stopped(ctx: RequestContext, session: string): Promise<MimamoriSession | undefined> {
    return (await this.connection.getRepository(ctx, MimamoriSession).findOne({ where: { name: session } })) ?? undefined;
  }

  /** The customer's registered things as they stand. */
  async resources(ctx: RequestContext, customer: Customer): Promise<Resource[]> {
    const out: Resource[] = [
      { kind: 'contact', id: 'mail', value: { mail: customer.emailAddress }, verified_at: await this.verifiedAt(ctx, customer) },
      { kind: 'contact', id: 'name', value: { name: `${customer.firstName} ${customer.lastName}`.trim(), title: customer.title ?? '', first_name: customer.firstName, last_name: customer.lastName } },
    ];
    if (customer.phoneNumber) {
      out.push({ kind: 'contact', id: 'phone', value: { phone: customer.phoneNumber } });
    }
    const addresses = await this.connection.getRepository(ctx, Address)
      .find({ where: { customer: { id: customer.id } }, relations: { country: true }, order: { id: 'ASC' } });
    for (const a of addresses) {
      const custom = a.customFields && Object.keys(a.customFields).length > 0 ? { custom: a.customFields } : {};
      out.push({
        kind: 'address', id: String(a.id), since: a.createdAt.toISOString(),
        value: {
          recipient: a.fullName ?? '', company: a.company ?? '', line: a.streetLine1 ?? '', line2: a.streetLine2 ?? '', city: a.city ?? '',
          prefecture: a.province ?? '', postal_code: a.postalCode ?? '', country: a.country?.code ?? '', phone: a.phoneNumber ?? '',
          default_shipping: !!a.defaultShippingAddress, default_billing: !!a.defaultBillingAddress, ...custom,
        },
      });
    }
    return out;
  }

  /** When the mail address was proved hers. Vendure notes a change as verified even when it asks for no verification: then nothing was. */
  private async verifiedAt(ctx: RequestContext, customer: Customer): Promise<string | undefined> {
    if (!this.config.authOptions.requireVerification || !customer.user?.verified) {
      return undefined;
    }
    const entries = await this.connection.getRepository(ctx, CustomerHistoryEntry)
      .find({ where: [{ customer: { id: customer.id }, type: 'CUSTOMER_VERIFIED' as never }, { customer: { id: customer.id }, type: 'CUSTOMER_EMAIL_UPDATE_VERIFIED' as never }], order: { createdAt: 'DESC' }, take: 1 });
    return entries[0]?.createdAt.toISOString();
  }

  /** Reports the account as it is, once; asked for before each act, so that every change has a before. */
  async ensureSeen(ctx: RequestContext, customer: Customer): Promise<void> {
    const subject = String(customer.id);
    if (this.seen.has(subject)) {
      return;
    }
    if (!(await this.connection.getRepository(ctx, MimamoriAccount).findOne({ where: { subject } }))) {
      const resources = await this.resources(ctx, customer);
      await this.connection.getRepository(ctx, MimamoriAccount).save(
        new MimamoriAccount({ userId: String(customer.user?.id), subject, passwordInvalid: false, held: [], snapshot: JSON.stringify(resources), formerHash: '' }), { reload: false });
      await this.outbox.add(ctx, 'account.seen', subject, {
        resources, registered_at: customer.createdAt.toISOString(), locale: localeOf(ctx),
        ...(this.options.timeZone ? { time_zone: this.options.timeZone } : {}),
      });
    }
    if (this.seen.size > 100_000) {
      this.seen.clear();
    }
    this.seen.add(subject);
  }

  /** Compares the account with what was last reported, and reports each difference, in ctx's transaction. */
  async reportChanges(ctx: RequestContext, customerId: ID): Promise<void> {
    const customer = await this.connection.getRepository(ctx, Customer).findOne({ where: { id: customerId, deletedAt: IsNull() }, relations: { user: true } });
    if (!customer?.user) {
      return;
    }
    const subject = String(customer.id);
    const row = await this.connection.getRepository(ctx, MimamoriAccount).findOne({ where: { subject } });
    if (!row) {
      return this.ensureSeen(ctx, customer);
    }
    const was = new Map((JSON.parse(row.snapshot) as Resource[]).map(r => [`${r.kind}/${r.id}`, r]));
    const now = new Map((await this.resources(ctx, customer)).map(r => [`${r.kind}/${r.id}`, r]));
    const who = this.who(ctx, customer);
    let changed = false;
    for (const key of new Set([...was.keys(), ...now.keys()])) {
      const [before, after] = [was.get(key), now.get(key)];
      if (before && after && canonical(before.value) === canonical(after.value)) {
        continue;
      }
      changed = true;
      const { kind, id } = (before ?? after)!;
      const verified = after && id === 'mail' ? { verified: after.verified_at !== undefined && after.verified_at !== before?.verified_at } : {};
      await this.outbox.add(ctx, 'account.changed', subject, {
        ...who, ...verified, resource: { kind, id }, op: !before ? 'added' : !after ? 'removed' : 'changed',
        ...(before ? { before: before.value } : {}), ...(after ? { after: after.value } : {}),
      });
    }
    if (changed) {
      await this.connection.getRepository(ctx, MimamoriAccount).update({ subject }, { snapshot: JSON.stringify([...now.values()]) });
    }
  }

  /** Who acts in ctx upon this customer's account. */
  who(ctx: RequestContext, customer: Customer): Who {
    const command = underCommand.getStore();
    if (command) {
      return { by: 'system', command };
    }
    if (ctx.apiType !== 'shop') {
      return { by: ctx.activeUserId ? 'shop' : 'system' };
    }
    return ctx.session && ctx.activeUserId === customer.user?.id ? { session: sessionName(ctx.session.token) } : {};
  }

  /** The account as the read-back tells it. */
  async readBack(ctx: RequestContext, customer: Customer): Promise<Record<string, unknown>> {
    const standing = customer.user ? await this.standing(ctx, customer.user.id) : undefined;
    const orders = await this.connection.getRepository(ctx, Order)
      .find({ where: { customer: { id: customer.id }, orderPlacedAt: Not(IsNull()) }, order: { id: 'DESC' }, take: 1000, loadEagerRelations: false });
    return {
      subject: String(customer.id),
      password: standing?.passwordInvalid ? 'invalid' : 'set',
      sessions: await this.connection.getRepository(ctx, AuthenticatedSession)
        .count({ where: { user: { id: customer.user?.id }, invalidated: false, expires: MoreThan(new Date()) } }),
      held: standing?.held ?? [],
      points: this.options.points ? await this.options.points.read(ctx, customer.id) : { balance: 0, frozen: false },
      orders: orders.map(o => ({ order: o.code, state: stateOf(o.state), hidden: false })),
      resources: await this.resources(ctx, customer),
    };
  }
}
