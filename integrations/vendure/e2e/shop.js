// A Vendure shop with the plugin: its own process, its own database file.
// PORT, DB, MIMAMORI, KEY, SECRETS (separated by spaces) and PLUGIN come from the test.
'use strict';
const fs = require('fs');
const os = require('os');
const path = require('path');
const core = require('@vendure/core');
const { importProductsFromCsv, populateInitialData } = require('@vendure/core/cli');
const { MimamoriPlugin } = require(process.env.PLUGIN);

process.env.VENDURE_DISABLE_TELEMETRY = 'true';
const fresh = !fs.existsSync(process.env.DB);

const config = {
  apiOptions: { port: Number(process.env.PORT), hostname: '127.0.0.1', adminApiPath: 'admin-api', shopApiPath: 'shop-api' },
  authOptions: { tokenMethod: 'bearer', superadminCredentials: { identifier: 'admin', password: 'admin' }, requireVerification: true },
  dbConnectionOptions: { type: 'sqljs', location: process.env.DB, autoSave: true, synchronize: true },
  paymentOptions: { paymentMethodHandlers: [core.dummyPaymentHandler] },
  importExportOptions: { importAssetsDir: os.tmpdir() },
  logger: new core.DefaultLogger({ level: core.LogLevel.Info }),
  plugins: [
    MimamoriPlugin.init({
      url: process.env.MIMAMORI, key: process.env.KEY, source: 'vendure', secrets: process.env.SECRETS.split(' '), timeZone: 'Asia/Tokyo',
      clientIp: req => req.get('x-test-ip') || req.ip, timeout: 1500, // not 150: this is about what is done, on a machine that may be busy
      passwordPage: 'http://localhost/new-password',
    }),
  ],
};

const initialData = {
  defaultLanguage: 'en', defaultZone: 'Asia',
  countries: [{ name: 'Japan', code: 'JP', zone: 'Asia' }],
  taxRates: [{ name: 'Standard', percentage: 10 }],
  shippingMethods: [{ name: 'Post', price: 500 }],
  paymentMethods: [{ name: 'Card', handler: { code: 'dummy-payment-handler', arguments: [{ name: 'automaticSettle', value: 'false' }] } }],
  collections: [],
};

const products = `name,slug,description,assets,facets,optionGroups,optionValues,sku,price,taxCategory,stockOnHand,trackInventory,variantAssets,variantFacets
Teapot,teapot,A teapot,,,,,TP1,3000,Standard,1000,false,,
Gift card,gift,A gift card,,,,,GC1,30000,Standard,1000,false,,
`;

async function seed(app) {
  await populateInitialData(app, initialData);
  const csv = path.join(os.tmpdir(), `mimamori-products-${process.pid}.csv`);
  fs.writeFileSync(csv, products);
  await importProductsFromCsv(app, csv, 'en');
  fs.unlinkSync(csv);
  const contexts = app.get(core.RequestContextService);
  const customers = app.get(core.CustomerService);
  const ctx = await contexts.create({ apiType: 'admin' });
  for (const [first, mail, password] of [['Hanako', 'hanako@mail.example', 'her password 1'], ['Kenta', 'kenta@mail.example', 'his password 1'], ['Yuki', 'yuki@mail.example', 'her password 2']]) {
    await customers.create(ctx, { firstName: first, lastName: 'Yamada', emailAddress: mail, phoneNumber: '+81-90-0000-0001' }, password);
  }
  // They have been customers for two years.
  const db = app.get(core.TransactionalConnection).rawConnection;
  await db.query(`UPDATE customer SET createdAt = '2024-01-05 10:00:00'`);
  await db.query(`UPDATE history_entry SET createdAt = '2024-01-05 10:05:00'`);
  await db.query(`UPDATE mimamori_account SET snapshot = snapshot`); // the plugin's tables are there
  await db.query(`DELETE FROM mimamori_account`); // what was reported before the dates were set back is reported anew
  await db.query(`DELETE FROM mimamori_event`);
}

core.bootstrap(config).then(async app => {
  if (fresh) {
    await seed(app);
  }
  app.get(core.EventBus).ofType(core.PasswordResetEvent).subscribe(e => console.log(`RESET TOKEN FOR ${e.user.identifier}`));
  console.log(fresh ? 'SEEDED' : 'READY');
  if (fresh) { // the plugin remembers in memory whom it reported: begin as a shop that has been there for long
    setTimeout(() => process.exit(0), 1500);
  }
}).catch(e => {
  console.error(e);
  process.exit(1);
});
