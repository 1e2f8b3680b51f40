import { Controller, Get, Inject, Param, Post, Req, Res } from '@nestjs/common';
import { Allow, Logger, Permission, RequestContextService } from '@vendure/core';
import type { NextFunction, Request, Response } from 'express';
import { Accounts } from './account';
import { Command, Commands, OtherCommand } from './commands';
import { LOG, MimamoriOptions, OPTIONS } from './options';
import { isSigned, parseSecret } from './wire';

const MAX_BODY = 64 << 10;

/** Keeps the bytes of a body as they came, since the signature is over them. */
export function rawBody(req: Request & { raw?: Buffer; _body?: boolean }, res: Response, next: NextFunction): void {
  const parts: Buffer[] = [];
  let size = 0;
  req.on('data', (b: Buffer) => {
    size += b.length;
    if (size <= MAX_BODY) {
      parts.push(b);
    }
  });
  req.on('error', next);
  req.on('end', () => {
    if (size > MAX_BODY) {
      res.status(413).end();
      return;
    }
    req.raw = Buffer.concat(parts);
    req._body = true; // body-parser then leaves it alone
    next();
  });
}

/** The one address that Mimamori calls: POST a command, GET an account below it. */
@Controller('mimamori')
export class CommandController {
  private readonly keys: Buffer[];

  constructor(
    private commands: Commands, private accounts: Accounts, private contexts: RequestContextService,
    @Inject(OPTIONS) private options: MimamoriOptions,
  ) {
    this.keys = options.secrets.map(parseSecret);
  }

  @Post()
  @Allow(Permission.Public)
  async command(@Req() req: Request & { raw?: Buffer }, @Res() res: Response): Promise<void> {
    const c = this.isSigned(req) ? parse(req.raw ?? Buffer.alloc(0)) : refuse(res, 401, 'the signature is not valid');
    if (!c) {
      return res.headersSent ? undefined : refuse(res, 400, 'the body is not a command');
    }
    if (c.id !== req.get('webhook-id')) {
      return refuse(res, 400, "webhook-id is not the command's id");
    }
    try {
      res.status(200).set('cache-control', 'no-store').json(await this.commands.once(c));
    } catch (e) {
      if (e instanceof OtherCommand) {
        return refuse(res, 409, 'the id was used for another command');
      }
      Logger.error(`${c.type} ${c.id} failed: ${(e as Error).message}`, LOG, (e as Error).stack);
      refuse(res, 500, 'the command failed and may be tried again');
    }
  }

  @Get('accounts/:subject')
  @Allow(Permission.Public)
  async account(@Req() req: Request, @Param('subject') subject: string, @Res() res: Response): Promise<void> {
    if (!this.isSigned(req)) {
      return refuse(res, 401, 'the signature is not valid');
    }
    const ctx = await this.contexts.create({ apiType: 'admin' });
    const customer = await this.accounts.bySubject(ctx, subject);
    if (!customer) {
      return refuse(res, 404, 'no such account');
    }
    res.set('cache-control', 'no-store').json(await this.accounts.readBack(ctx, customer));
  }

  /**
   * Takes the grant that the customer's browser brings from the security
   * centre by a form, and carries it to the storefront's page in the fragment,
   * which no server's log sees.
   */
  @Post('grant')
  @Allow(Permission.Public)
  grant(@Req() req: Request & { raw?: Buffer }, @Res() res: Response): void {
    const grant = new URLSearchParams(req.raw?.toString('utf8') ?? '').get('grant') ?? '';
    if (!this.options.passwordPage || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(grant)) {
      return refuse(res, 404, 'no such page');
    }
    res.set({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' }).redirect(303, `${this.options.passwordPage}#grant=${grant}`);
  }

  private isSigned(req: Request & { raw?: Buffer }): boolean {
    const headers = { id: req.get('webhook-id') ?? '', timestamp: req.get('webhook-timestamp') ?? '', signature: req.get('webhook-signature') ?? '' };
    return isSigned(this.keys, headers, req.raw ?? Buffer.alloc(0));
  }
}

/** Answers without an exception: Vendure would log each with its stack, and anybody can send what is refused. */
function refuse(res: Response, status: number, title: string): undefined {
  res.status(status).type('application/problem+json').send(JSON.stringify({ type: 'about:blank', status, title }));
}

function parse(body: Buffer): Command | undefined {
  let c: Partial<Command> | null;
  try {
    c = JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
  const plain = (v: unknown, max: number): boolean => typeof v === 'string' && v !== '' && v.length <= max;
  const object = typeof c?.data === 'object' && c.data !== null && !Array.isArray(c.data);
  return c && plain(c.id, 200) && plain(c.type, 100) && plain(c.subject, 800) && typeof c.incident === 'string' && object ? (c as Command) : undefined;
}
