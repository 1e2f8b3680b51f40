import { Args, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Allow, Ctx, ForbiddenError, Permission, RequestContext, Transaction, TransactionalConnection, UserService } from '@vendure/core';
import gql from 'graphql-tag';
import { Accounts, localeOf } from './account';
import { Doors } from './doors';
import { MimamoriSession } from './entities';
import { SignIns } from './signin';
import { sessionName } from './wire';

/** What the plugin adds to the shop API, for the storefront. */
export const shopApi = gql`
  type MimamoriGate {
    decision: String!
    "What has to be entered again before this: reenter_payment, reenter_address, review_subscriptions, set_password"
    obligations: [String!]!
    waitUntil: String
    ja: String
    en: String
    "Where to prove who it is, when the decision is challenge"
    url: String
  }
  enum MimamoriPasswordResult {
    "It is set; now sign in"
    ok
    "The permission is not valid, or was used: begin again with mimamoriRecover"
    grant
    "Another one, please: it is too weak"
    weak
    "Another one, please: this one was in use before"
    former
  }
  extend type Query {
    "May this session do this now? act: order, points, contact, payment or factor"
    mimamoriGate(act: String!): MimamoriGate!
  }
  extend type Mutation {
    "The address, for one use within a minute, by which the signed-in customer enters the security centre"
    mimamoriSecurityCentre(returnUrl: String!, page: String): String!
    "Forgot your password: where to send whoever says so. The answer is alike whether there is such an account or not"
    mimamoriRecover(emailAddress: String, returnUrl: String!): String!
    "The customer is back from a challenge: true when this session may go on"
    mimamoriChallenge(id: String!): Boolean!
    "Set the new password with the grant that recovery ended in"
    mimamoriSetPassword(grant: String!, password: String!): MimamoriPasswordResult!
  }
`;

@Resolver()
export class ShopApi {
  constructor(
    private accounts: Accounts, private doors: Doors, private signIns: SignIns, private users: UserService, private connection: TransactionalConnection,
  ) {}

  @Query()
  @Allow(Permission.Owner)
  async mimamoriGate(@Ctx() ctx: RequestContext, @Args() args: { act: string }): Promise<Record<string, unknown>> {
    const { subject, session } = await this.me(ctx);
    const g = await this.doors.gate(subject, args.act, session);
    return { decision: g.decision, obligations: g.obligations, waitUntil: g.wait_until, ja: g.text?.ja, en: g.text?.en, url: g.challenge?.url };
  }

  @Mutation()
  @Allow(Permission.Owner)
  async mimamoriSecurityCentre(@Ctx() ctx: RequestContext, @Args() args: { returnUrl: string; page?: string }): Promise<string> {
    const { subject, session } = await this.me(ctx);
    return this.doors.handoff({ subject, session, locale: localeOf(ctx), return_url: args.returnUrl, ...(args.page ? { page: args.page } : {}) });
  }

  @Mutation()
  @Allow(Permission.Public)
  async mimamoriRecover(@Ctx() ctx: RequestContext, @Args() args: { emailAddress?: string; returnUrl: string }): Promise<string> {
    const user = await this.users.getUserByEmailAddress(ctx, args.emailAddress ?? '', 'customer');
    const customer = await this.accounts.byUser(ctx, user?.id ?? 0); // asked for nobody too: the same work
    return this.doors.recover(customer ? String(customer.id) : null, localeOf(ctx), args.returnUrl);
  }

  @Mutation()
  @Allow(Permission.Owner)
  async mimamoriChallenge(@Ctx() ctx: RequestContext, @Args() args: { id: string }): Promise<boolean> {
    const { subject, session } = await this.me(ctx);
    const waiting = await this.accounts.stopped(ctx, session);
    if (waiting?.challenge !== args.id || !(await this.doors.passed(args.id, subject, session))) {
      return false;
    }
    await this.connection.getRepository(ctx, MimamoriSession).delete({ name: session, challenge: args.id });
    return true;
  }

  @Mutation()
  @Transaction()
  @Allow(Permission.Public)
  mimamoriSetPassword(@Ctx() ctx: RequestContext, @Args() args: { grant: string; password: string }): Promise<string> {
    return this.signIns.setPassword(ctx, args.grant, args.password);
  }

  private async me(ctx: RequestContext): Promise<{ subject: string; session: string }> {
    const customer = ctx.activeUserId ? await this.accounts.byUser(ctx, ctx.activeUserId) : undefined;
    if (!customer || !ctx.session) {
      throw new ForbiddenError();
    }
    return { subject: String(customer.id), session: sessionName(ctx.session.token) };
  }
}
