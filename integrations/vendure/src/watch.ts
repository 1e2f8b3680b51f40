import { Injectable, OnModuleInit } from '@nestjs/common';
import {
  AccountRegistrationEvent, AuthenticatedSession, ConfigService, Customer, CustomerAddressEvent, CustomerEvent, EventBus, HistoryEntryEvent,
  LogoutEvent, Order, OrderPlacedEvent, OrderStateTransitionEvent, RequestContext, TransactionalConnection,
} from '@vendure/core';
import { CustomerHistoryEntry } from '@vendure/core/dist/entity/history-entry/customer-history-entry.entity';
import { Accounts, Resource, stateOf } from './account';
import { Outbox } from './outbox';
import { sessionName } from './wire';

const PASSWORD_ENTRIES = ['CUSTOMER_PASSWORD_UPDATED', 'CUSTOMER_PASSWORD_RESET_VERIFIED'];

/**
 * Reports what happens in Vendure, whoever set it off. The handlers are the
 * blocking ones: they run in the transaction of the act, so that the report is
 * there exactly when the act is.
 */
@Injectable()
export class Watch implements OnModuleInit {
  constructor(
    private bus: EventBus, private connection: TransactionalConnection, private config: ConfigService,
    private accounts: Accounts, private outbox: Outbox,
  ) {}

  onModuleInit(): void {
    const on = <T extends object>(event: new (...args: never[]) => T, handler: (e: T) => Promise<void>) =>
      this.bus.registerBlockingEventHandler({ event: event as never, id: `mimamori-${event.name}`, handler: handler as never });
    on(CustomerEvent, async e => {
      if (e.type === 'updated') {
        await this.accounts.reportChanges(e.ctx, e.entity.id);
      }
    });
    on(CustomerAddressEvent, async e => {
      if (e.entity.customer) {
        await this.accounts.reportChanges(e.ctx, e.entity.customer.id);
      } else {
        await this.ofDeletedAddress(e);
      }
    });
    on(HistoryEntryEvent, e => this.noted(e));
    on(AccountRegistrationEvent, async e => {
      const customer = e.user.id ? await this.accounts.byUser(e.ctx, e.user.id) : undefined;
      if (customer) {
        await this.accounts.ensureSeen(e.ctx, customer);
      }
    });
    on(LogoutEvent, e => this.signedOut(e.ctx));
    on(OrderPlacedEvent, e => this.placed(e.ctx, e.order));
    on(OrderStateTransitionEvent, e => this.moved(e));
  }

  /** After a deletion the entity has lost its customer; whose it was stands in the session, or nobody's account differs. */
  private async ofDeletedAddress(e: CustomerAddressEvent): Promise<void> {
    const customer = e.ctx.activeUserId ? await this.accounts.byUser(e.ctx, e.ctx.activeUserId) : undefined;
    if (customer) {
      await this.accounts.reportChanges(e.ctx, customer.id);
    }
  }

  /** Vendure's own history is written after a mail address or password was changed; its other events come before. */
  private async noted(e: HistoryEntryEvent): Promise<void> {
    if (e.historyType !== 'customer' || e.type !== 'created') {
      return;
    }
    const entry = e.entity as CustomerHistoryEntry;
    if (PASSWORD_ENTRIES.includes(entry.type)) {
      const customer = await this.connection.getRepository(e.ctx, Customer).findOne({ where: { id: entry.customer.id }, relations: { user: true } });
      if (customer) {
        await this.outbox.add(e.ctx, 'account.changed', String(customer.id), {
          ...this.accounts.who(e.ctx, customer), resource: { kind: 'password', id: 'password' }, op: 'changed',
        });
      }
    } else if (entry.type === 'CUSTOMER_EMAIL_UPDATE_VERIFIED') {
      await this.accounts.reportChanges(e.ctx, entry.customer.id);
    }
  }

  /** Signing out ends all of a user's sessions in Vendure. */
  private async signedOut(ctx: RequestContext): Promise<void> {
    const customer = ctx.apiType === 'shop' && ctx.activeUserId ? await this.accounts.byUser(ctx, ctx.activeUserId) : undefined;
    if (!customer) {
      return;
    }
    const sessions = await this.connection.getRepository(ctx, AuthenticatedSession).find({ where: { user: { id: customer.user?.id } } });
    for (const s of sessions) {
      await this.outbox.add(ctx, 'session.ended', String(customer.id), { session: sessionName(s.token) });
    }
  }

  private async placed(ctx: RequestContext, order: Order): Promise<void> {
    const customer = await this.customerOf(ctx, order);
    if (customer) {
      await this.accounts.ensureSeen(ctx, customer);
      await this.outbox.add(ctx, 'order.placed', String(customer.id), {
        ...this.accounts.who(ctx, customer), order: order.code,
        total: { amount: this.minor(order.totalWithTax, order.currencyCode), currency: order.currencyCode },
        ...(await this.shipTo(ctx, customer, order)),
      });
    }
  }

  private async moved(e: OrderStateTransitionEvent): Promise<void> {
    const [from, to] = [stateOf(e.fromState), stateOf(e.toState)];
    const customer = from !== to && e.order.orderPlacedAt ? await this.customerOf(e.ctx, e.order) : undefined;
    if (customer && to !== 'placed') {
      await this.outbox.add(e.ctx, `order.${to}`, String(customer.id), { ...this.accounts.who(e.ctx, customer), order: e.order.code });
    }
  }

  /** The customer with an account; undefined for a guest. */
  private async customerOf(ctx: RequestContext, order: Order): Promise<Customer | undefined> {
    const found = await this.connection.getRepository(ctx, Order).findOne({ where: { id: order.id }, relations: { customer: { user: true } }, loadEagerRelations: false });
    return found?.customer?.user ? found.customer : undefined;
  }

  /** Vendure copies the address into the order: which registered one it was is found by comparing. */
  private async shipTo(ctx: RequestContext, customer: Customer, order: Order): Promise<{ ship_to?: string }> {
    const to = order.shippingAddress ?? {};
    const same = (r: Resource) =>
      r.kind === 'address' && r.value.line === (to.streetLine1 ?? '') && r.value.postal_code === (to.postalCode ?? '') &&
      r.value.recipient === (to.fullName ?? '') && r.value.country === (to.countryCode ?? '');
    const found = (await this.accounts.resources(ctx, customer)).find(same);
    return found ? { ship_to: found.id } : {};
  }

  /** Vendure keeps all money with the same number of decimals, yen too; ISO 4217 does not. */
  private minor(amount: number, currency: string): number {
    const kept = this.config.entityOptions.moneyStrategy.precision ?? 2;
    const digits = new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
    return Math.round(amount * 10 ** (digits - kept));
  }
}
