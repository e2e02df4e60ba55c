/** A `Date` header has whole seconds. */
const ROUNDING_MS = 500;
/** Smaller differences are those of the network. */
const TOLERANCE_MS = 2_000;
/** What two clocks of a machine may be apart while it is awake. */
const JUMP_MS = 5_000;

/** The server's clock, as far as its answers tell: this machine's may be wrong, may be set, and may stand still while it sleeps. */
export class ServerTime {
  #ahead = 0;
  #gap: number | undefined;
  #hasHeader = false;

  /** Of this machine: `wall` shows the time of day, and may jump; `steady` does not, and may stand still in its sleep. */
  constructor(
    private readonly wall: () => number,
    private readonly steady: () => number,
  ) {}

  /** Milliseconds since 1970. */
  now(): number {
    return this.wall() + this.#ahead;
  }

  /** Whether the machine has slept, or its clock was set, since the server was last heard of: then `now` may be wrong. */
  get hasJumped(): boolean {
    return this.#gap !== undefined && this.#isFarFrom(this.#gap);
  }

  /** Whether the server has been heard of, and nothing has jumped since. */
  get isKnown(): boolean {
    return this.#gap !== undefined && !this.hasJumped;
  }

  /**
   * What it returns tells whether this machine has slept, or its clock was set, since it was last called. Unlike `hasJumped`, no answer
   * to somebody else's request hides that; and no answer makes it so, for servers' clocks differ.
   */
  watch(): () => boolean {
    const lead = (): number => this.wall() - this.steady();
    let before = lead();
    return () => {
      const jump = lead() - before;
      before += jump;
      return Math.abs(jump) > JUMP_MS;
    };
  }

  /** Reads the clock off an answer, whose `Date` the platform may hide from a page of another origin. */
  async observed(send: () => Promise<Response>): Promise<Response> {
    const sentAt = this.wall();
    const began = this.steady();
    const response = await send();
    const took = this.steady() - began;
    if (isGateways(response)) return response;
    // When it was answered nobody knows: before the machine slept or after that, or when the platform's cache got it.
    if (this.#isFarFrom(sentAt - began) || /max-age=[1-9]/i.test(response.headers.get("Cache-Control") ?? "")) return response;
    const answered = Date.parse(response.headers.get("Date") ?? "");
    this.#gap = this.wall() - this.steady();
    this.#hasHeader ||= !Number.isNaN(answered);
    if (!Number.isNaN(answered)) this.#adjust(answered + ROUNDING_MS - (sentAt + took / 2), took);
    return response;
  }

  /** What an answer's body has told of the time, for want of that header. */
  learn(time: number): void {
    if (!this.#hasHeader) this.#adjust(time - this.wall(), 0);
  }

  #isFarFrom(gap: number): boolean {
    return Math.abs(this.wall() - this.steady() - gap) > JUMP_MS;
  }

  #adjust(ahead: number, tolerance: number): void {
    if (Math.abs(ahead - this.#ahead) > TOLERANCE_MS + tolerance) this.#ahead = ahead;
  }
}

/** A refusal that is not the server's, but of something before it, which has another clock. */
function isGateways({ ok, headers }: Response): boolean {
  return !ok && headers.get("Content-Type")?.startsWith("application/problem+json") !== true;
}
