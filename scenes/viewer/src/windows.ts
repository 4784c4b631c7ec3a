/** What is read over time by windows of neighbouring instants: those wanted now, and no more. */

/** Windows kept, and those that may be under way. */
const KEPT = 7;
const UNDER_WAY = 2;
/** Milliseconds that time must stand in a window before it is asked for: a finger that runs over the slider asks for none. */
const PAUSE = 100;

export class Windows<T> {
  readonly count: number;
  private readonly known = new Map<number, T | "asked">();
  private readonly length: number;
  private wanted: number[] = [];
  private due = 0;

  /** `read` is given the instants between which a window lies, null for all. */
  constructor(
    private readonly first: number,
    last: number,
    spacing: number,
    steps: number,
    most: number,
    private readonly read: (span: [number, number] | null) => Promise<T>,
    private readonly came: () => void,
  ) {
    this.length = most >= steps ? Infinity : spacing * (most > 24 ? most - (most % 24) : most);
    this.count = this.length === Infinity ? 1 : Math.floor((last - first) / this.length) + 1;
  }

  /** Whether something is still to be asked for or to come. */
  get waiting(): boolean {
    return this.due !== 0 || this.underWay > 0;
  }

  /** Whether some window has come. */
  get begun(): boolean {
    return this.known.size > this.underWay;
  }

  private get underWay(): number {
    return [...this.known.values()].filter((one) => one === "asked").length;
  }

  /** The window that holds `time`; undefined while it has not come. It is asked for then, with its neighbours. */
  at(time: number): T | undefined {
    const place = this.length === Infinity ? 0 : Math.floor((time - this.first) / this.length);
    const index = Math.min(place, this.count - 1);
    this.wanted = [index, index + 1, index - 1].filter((one) => one >= 0 && one < this.count);
    window.clearTimeout(this.due);
    this.due = 0;
    if (this.known.size === 0) this.ask();
    else if (this.wanted.some((one) => !this.known.has(one)))
      this.due = window.setTimeout(() => this.ask(), PAUSE);
    const found = this.known.get(index);
    return found === "asked" ? undefined : found;
  }

  /** Asks for the windows wanted now, the one shown first. */
  private ask(): void {
    this.due = 0;
    for (const index of this.wanted) {
      const known = this.known.get(index);
      if (known) {
        // The last used stand last: the first are dropped.
        this.known.delete(index);
        this.known.set(index, known);
      } else if (this.underWay < UNDER_WAY) void this.fetch(index);
    }
  }

  private async fetch(index: number): Promise<void> {
    this.known.set(index, "asked");
    const start = this.first + index * this.length;
    this.known.set(index, await this.read(this.length === Infinity ? null : [start, start + this.length - 1000]));
    for (const old of this.known.keys()) {
      if (this.known.size <= KEPT) break;
      if (!this.wanted.includes(old) && this.known.get(old) !== "asked") this.known.delete(old);
    }
    if (this.due === 0) this.ask();
    this.came();
  }
}
