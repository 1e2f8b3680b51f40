import { Injector, OrderProcess, RequestContext, Order, TransactionalConnection } from '@vendure/core';
import { MimamoriAccount } from './entities';

let connection: TransactionalConnection;

/**
 * Stops an order of a held account wherever it comes from: the shop API has
 * more than one way to an order, and shops add their own.
 */
export const mimamoriOrderProcess: OrderProcess<string> = {
  init(injector: Injector) {
    connection = injector.get(TransactionalConnection);
  },
  async onTransitionStart(_from, to, { ctx, order }: { ctx: RequestContext; order: Order }) {
    if (ctx.apiType !== 'shop' || !['ArrangingPayment', 'PaymentAuthorized', 'PaymentSettled'].includes(to as string) || !order.customer) {
      return undefined;
    }
    const standing = await connection.getRepository(ctx, MimamoriAccount).findOne({ where: { subject: String(order.customer.id) } });
    return standing?.held.includes('orders') ? 'MIMAMORI_HELD' : undefined;
  },
};
