import { APP_INTERCEPTOR } from '@nestjs/core';
import { PluginCommonModule, VendurePlugin } from '@vendure/core';
import { Accounts } from './account';
import { Commands } from './commands';
import { CommandController, rawBody } from './controller';
import { Doors } from './doors';
import { MimamoriAccount, MimamoriCommand, MimamoriEvent, MimamoriSession } from './entities';
import { Gatekeeper } from './gatekeeper';
import { MimamoriOptions, OPTIONS } from './options';
import { mimamoriOrderProcess } from './orders';
import { Outbox } from './outbox';
import { shopApi, ShopApi } from './shop-api';
import { SignIns } from './signin';
import { Watch } from './watch';

/** Lets a Vendure shop be guarded by Mimamori; see README.md. */
@VendurePlugin({
  imports: [PluginCommonModule],
  compatibility: '^3.0.0',
  entities: [MimamoriAccount, MimamoriEvent, MimamoriCommand, MimamoriSession],
  controllers: [CommandController],
  providers: [
    { provide: OPTIONS, useFactory: () => MimamoriPlugin.options },
    { provide: APP_INTERCEPTOR, useClass: Gatekeeper },
    Accounts, Commands, Doors, Outbox, SignIns, Watch,
  ],
  shopApiExtensions: { schema: shopApi, resolvers: [ShopApi] },
  configuration: config => {
    config.apiOptions.middleware.push({ route: '/mimamori', handler: rawBody, beforeListen: true });
    config.orderOptions.process.push(mimamoriOrderProcess as never);
    return config;
  },
})
export class MimamoriPlugin {
  static options: MimamoriOptions;

  /** Call it in the plugins of the shop's configuration. */
  static init(options: MimamoriOptions): typeof MimamoriPlugin {
    for (const field of ['url', 'key', 'source'] as const) {
      if (!options[field]) {
        throw new Error(`MimamoriPlugin.init: ${field} is missing`);
      }
    }
    if (!options.secrets?.length) {
      throw new Error('MimamoriPlugin.init: secrets is missing');
    }
    this.options = options;
    return MimamoriPlugin;
  }
}
