import { Injectable, OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { Logger, ProcessContext, RequestContext, TransactionalConnection } from '@vendure/core';
import { CloudEvent, DoorError, Doors } from './doors';
import { MimamoriEvent } from './entities';
import { LOG } from './options';
import { newId } from './wire';

const BATCH = 200;

/**
 * Keeps events in the shop's own database until Mimamori has them. An event is
 * added in the transaction of the act that it reports, so that neither is ever
 * there without the other.
 */
@Injectable()
export class Outbox implements OnApplicationBootstrap, OnApplicationShutdown {
  private timer?: NodeJS.Timeout;
  private running?: Promise<void>;
  private again = false;
  private failures = 0;
  private closed = false;

  constructor(private connection: TransactionalConnection, private doors: Doors, private process: ProcessContext) {}

  onApplicationBootstrap(): void {
    if (this.process.isServer) {
      this.wake(); // the queue may be full from before
    }
  }

  async onApplicationShutdown(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    await this.running;
  }

  /** Adds an event, in ctx's transaction if it has one. */
  async add(ctx: RequestContext, type: string, subject: string, data: Record<string, unknown>): Promise<void> {
    await this.keep(ctx, this.doors.event(type, subject, newId('ev'), data));
  }

  /** Adds an event that was made before. */
  async keep(ctx: RequestContext, e: CloudEvent): Promise<void> {
    await this.connection.getRepository(ctx, MimamoriEvent).save(new MimamoriEvent({ body: JSON.stringify(e), refused: '' }), { reload: false });
    this.wakeIn(20); // the transaction has usually ended by then; if not, the next look finds it
  }

  /** Sends what is there, soon. */
  wake(): void {
    this.wakeIn(0);
  }

  private wakeIn(ms: number): void {
    if (this.closed || !this.process.isServer) {
      return;
    }
    if (this.running) {
      this.again = true;
      return;
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.running = this.turn().finally(() => (this.running = undefined));
      void this.running.then(() => this.rest());
    }, ms);
  }

  /** Looks again at once if something came meanwhile, later if Mimamori was away, and every five seconds for what other processes wrote. */
  private rest(): void {
    const pause = this.failures > 0 ? Math.min(200 * 2 ** (this.failures - 1), 30_000) : this.again ? 20 : 5000;
    this.again = false;
    this.wakeIn(pause);
  }

  private async turn(): Promise<void> {
    try {
      while (!this.closed && (await this.drainOnce())) {
        // until the queue is empty
      }
      this.failures = 0;
    } catch (e) {
      this.failures++;
      Logger.warn(`events wait for Mimamori (try ${this.failures}): ${(e as Error).message}`, LOG);
    }
  }

  private async drainOnce(): Promise<boolean> {
    const repository = this.connection.rawConnection.getRepository(MimamoriEvent);
    const rows = await repository.find({ where: { refused: '' }, order: { id: 'ASC' }, take: BATCH });
    if (rows.length === 0) {
      return false;
    }
    await this.sendRows(rows);
    return rows.length === BATCH;
  }

  /** Halves a refused batch until the refused event stands alone: the door takes all or nothing. */
  private async sendRows(rows: MimamoriEvent[]): Promise<void> {
    const repository = this.connection.rawConnection.getRepository(MimamoriEvent);
    try {
      await this.doors.send(rows.map(r => JSON.parse(r.body)));
    } catch (e) {
      if (!(e instanceof DoorError) || !e.permanent) {
        throw e;
      }
      if (rows.length > 1) {
        const half = rows.length >> 1;
        await this.sendRows(rows.slice(0, half));
        await this.sendRows(rows.slice(half));
        return;
      }
      Logger.error(`Mimamori refuses event ${rows[0].id}: ${e.message}`, LOG);
      await repository.update(rows[0].id, { refused: e.message.slice(0, 200) });
      return;
    }
    await repository.delete(rows.map(r => r.id) as string[]);
  }
}
