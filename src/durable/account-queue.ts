/**
 * The queue of one account: so many of its jobs walk at the same time, the others wait by priority and arrival.
 *
 * Both sides may die at any moment. A place is given before the job is told, and the job is told until it has answered;
 * a job asks until it was heard, and says that it leaves until it was heard. Whoever is silent for long is asked. A
 * ticket names one stay, so that a word about an earlier stay that comes late touches no later one.
 */
import { DurableObject } from 'cloudflare:workers';
import type { Env } from '../env.ts';
import { type Arrival, type Entry, QueueStore, type Ticket } from './queue/queue-store.ts';
import { within } from './within.ts';

/** A job that could not be told of its place is told again after this long. */
const RETRY_MS = 2_000;
/** A job that said nothing for this long is asked whether it is still there. */
const LEASE_MS = 60_000;
/** The account's quota is looked up this often. */
const PLACES_EVERY_MS = 60_000;
/** A database that takes longer is asked later. */
const PLACES_TIMEOUT_MS = 2_000;

export type QueueAnswer =
  | { readonly granted: true }
  | { readonly granted: false; readonly position: number | null };

export class AccountQueue extends DurableObject<Env> {
  readonly #store: QueueStore;
  #placesAt = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new QueueStore(ctx.storage);
  }

  /** Queues the job, or says how its stay goes. Idempotent. */
  async enter(account: string, arrival: Arrival): Promise<QueueAnswer> {
    await this.#store.migrate();
    const places = await this.#places(account);
    this.#store.enter(arrival, Date.now());
    this.#store.admit(places, Date.now());
    const granted = this.#store.isWalking(arrival);
    if (granted) this.#store.markTold(arrival, Date.now());
    await this.#tellSoon();
    return granted ? { granted } : { granted, position: this.#store.position(arrival.job) };
  }

  /** The job's place, if it had one, goes to the next. Idempotent. */
  async leave(ticket: Ticket): Promise<void> {
    if (!this.#store.exists()) return;
    await this.#store.migrate();
    this.#store.remove(ticket);
    await this.#admit();
  }

  /** Counted from 1, which is next; null for a job that does not wait. */
  async position(job: string): Promise<number | null> {
    if (!this.#store.exists()) return null;
    await this.#store.migrate();
    return this.#store.position(job);
  }

  /** The account's quota has changed. */
  async refresh(account: string): Promise<void> {
    await this.#store.migrate();
    this.#placesAt = 0;
    await this.#places(account);
    await this.#admit();
  }

  /** Never throws: the platform stops calling an alarm that has thrown six times. */
  override async alarm(): Promise<void> {
    if (!this.#store.exists()) return;
    try {
      await this.#store.migrate();
      await this.#offer(this.#store.untold());
      await this.#ask(this.#store.silentSince(Date.now() - LEASE_MS));
      await this.#admit();
    } catch (error) {
      console.error(JSON.stringify({ queue: this.#store.settings()?.account, error: String(error) }));
      await this.ctx.storage.setAlarm(Date.now() + RETRY_MS);
    }
  }

  async #admit(): Promise<void> {
    const settings = this.#store.settings();
    if (settings !== null) this.#store.admit(await this.#places(settings.account), Date.now());
    await this.#tellSoon();
  }

  /** Tells jobs of their places in the background; the alarm is there in case that is lost. */
  async #tellSoon(): Promise<void> {
    const untold = this.#store.untold();
    await this.#schedule(untold.length > 0);
    if (untold.length > 0) this.ctx.waitUntil(this.#offer(untold));
  }

  /** A job that does not want its place (any more) makes room for the next. */
  async #offer(entries: readonly Entry[]): Promise<void> {
    const answers = await Promise.allSettled(
      entries.map(async (entry) => ({ entry, taken: await this.#job(entry).offerTurn(entry.ticket) })),
    );
    this.#hear(answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : [])));
    if (answers.some((answer) => answer.status === 'fulfilled' && !answer.value.taken)) await this.#admit();
  }

  async #ask(entries: readonly Entry[]): Promise<void> {
    const answers = await Promise.allSettled(
      entries.map(async (entry) => {
        const { job, ticket, walking } = entry;
        const stub = this.#job({ job, ticket });
        return { entry, taken: await (walking ? stub.offerTurn(ticket) : stub.keepsTurn(ticket)) };
      }),
    );
    this.#hear(answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : [])));
  }

  #hear(answers: readonly { readonly entry: Entry; readonly taken: boolean }[]): void {
    for (const { entry, taken } of answers) {
      if (taken) this.#store.markTold(entry, Date.now());
      else this.#store.remove(entry);
    }
  }

  /** As the account's quota says; while the database is away, as it said last. */
  async #places(account: string): Promise<number> {
    const known = this.#store.settings();
    if (known !== null && Date.now() - this.#placesAt < PLACES_EVERY_MS) return known.places;
    const read = this.env.DB.prepare('SELECT running_jobs FROM account WHERE id = ?')
      .bind(account)
      .first<number>('running_jobs');
    const own = await within(read, PLACES_TIMEOUT_MS);
    if (own === undefined && known !== null) return known.places;
    const places = own ?? Number(this.env.QUOTA_RUNNING_JOBS);
    if (own !== undefined) this.#placesAt = Date.now();
    this.#store.setPlaces(account, places);
    return places;
  }

  async #schedule(untold: boolean): Promise<void> {
    const oldest = this.#store.oldestWord();
    if (oldest === null) return;
    const at = untold ? Date.now() + RETRY_MS : Math.max(oldest + LEASE_MS, Date.now() + RETRY_MS);
    const current = await this.ctx.storage.getAlarm();
    if (current === null || current > at) await this.ctx.storage.setAlarm(at);
  }

  #job({ job }: Ticket) {
    return this.env.JOBS.get(this.env.JOBS.idFromName(job));
  }
}
