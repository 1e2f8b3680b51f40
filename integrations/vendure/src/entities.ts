import { DeepPartial, VendureEntity } from '@vendure/core';
import { Column, Entity, Index, PrimaryColumn, BaseEntity } from 'typeorm';

/**
 * What the shop keeps about one customer because of Mimamori: what stands
 * still, and how the account looked when it was last reported, so that a
 * change can be told with its before.
 */
@Entity()
export class MimamoriAccount extends VendureEntity {
  constructor(input?: DeepPartial<MimamoriAccount>) {
    super(input);
  }

  @Index({ unique: true })
  @Column()
  userId: string;

  @Index({ unique: true })
  @Column()
  subject: string; // the customer's id

  @Column({ default: false })
  passwordInvalid: boolean;

  /** The hash of the password that an intruder knew: it is never taken again. */
  @Column({ default: '', select: false })
  formerHash: string;

  @Column('simple-json')
  held: string[];

  /** Resources by "kind/id" as last reported; JSON. */
  @Column('text')
  snapshot: string;
}

/** An event that Mimamori has not taken yet, written in the transaction of the act. */
@Entity()
export class MimamoriEvent extends VendureEntity {
  constructor(input?: DeepPartial<MimamoriEvent>) {
    super(input);
  }

  @Column('text')
  body: string;

  /** Why Mimamori will never take it; empty while it waits. Kept for the shop's engineer. */
  @Index()
  @Column({ default: '' })
  refused: string;
}

/** A command that was answered: the same id gets the same answer. */
@Entity()
export class MimamoriCommand extends BaseEntity {
  @PrimaryColumn({ length: 200 })
  id: string;

  @Column()
  digest: string;

  @Column('text')
  answer: string;

  @Index()
  @Column('bigint')
  at: string; // milliseconds
}

/** A session that may not go on: revoked, or not until its challenge is passed. */
@Entity()
export class MimamoriSession extends BaseEntity {
  @PrimaryColumn({ length: 40 })
  name: string;

  @Column({ default: '' })
  challenge: string; // empty: revoked

  @Column('bigint')
  at: string; // milliseconds
}
