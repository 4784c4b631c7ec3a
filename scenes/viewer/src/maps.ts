/** The maps of a coverage over time, read by windows of neighbouring instants, with what is said of each. */

import { type Grids, loadGrids } from "./binary";
import type { Catalogue, Collection, ObservedProperty } from "./catalogue";
import { find } from "./catalogue";
import { loadAssessments, type Assessment } from "./items";
import type { Problem } from "./outcome";
import { DAY, rfc3339 } from "./time";

/** Values that one window may hold: 4 MB. */
const VALUES = 1_000_000;
/** Windows kept, and those that may be under way. */
const KEPT = 7;
const UNDER_WAY = 2;
/** Milliseconds that time must stand in a window before it is asked for: a finger that runs over the slider asks for none. */
const PAUSE = 100;
/** How many cells a side one cell of an outline may stand for (scenes/grids.py). */
const COARSEST = 8;

interface Window {
  grids: Grids | null;
  assessments: Assessment[];
}

/** The map in force at an instant. */
export interface Frame {
  grids: Grids;
  values: Float32Array;
}

/** What is known of an instant: `frame` is null where it has no map. */
export interface Moment {
  frame: Frame | null;
  assessment: Assessment | null;
}

/** The windows of one fineness, by number. */
class Windows {
  readonly count: number;
  private readonly known = new Map<number, Window | "asked">();
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
    private readonly read: (span: [number, number] | null) => Promise<Window>,
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
  at(time: number): Window | undefined {
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

export class Maps {
  readonly property: ObservedProperty | undefined;
  private readonly first: number;
  private readonly spacing: number;
  private readonly whole: Windows;
  /** Every map in outline, so that something follows the finger at once; null where windows of whole maps are as long. */
  private readonly outlines: Windows | null;

  /** Calls `came` each time a window has come. */
  constructor(
    private readonly catalogue: Catalogue,
    readonly collection: Collection,
    came: () => void,
    private readonly fail: (problem: Problem) => void,
  ) {
    const { grid, temporal, count, style, observed_properties } = collection;
    this.property = observed_properties.find(({ name }) => name === style.colour_by) ?? observed_properties[0];
    const cells = (grid?.columns ?? 1) * (grid?.rows ?? 1);
    const steps = Math.max(Math.round(count / (cells * observed_properties.length)), 1);
    this.first = temporal ? Date.parse(temporal[0]) : -Infinity;
    const last = temporal ? Date.parse(temporal[1] ?? temporal[0]) : Infinity;
    this.spacing = steps > 1 ? (last - this.first) / (steps - 1) : Infinity;
    const windows = (coarser: number) =>
      new Windows(
        this.first,
        last,
        this.spacing,
        steps,
        Math.max(Math.floor((VALUES * coarser ** 2) / cells), 1),
        (span) => this.read(span, coarser),
        came,
      );
    this.whole = windows(1);
    const coarser = Math.min(Math.ceil(Math.sqrt((steps * cells) / VALUES)), COARSEST);
    this.outlines = this.whole.count > 1 ? windows(coarser) : null;
  }

  get waiting(): boolean {
    return this.whole.waiting || Boolean(this.outlines?.waiting);
  }

  /** What there is at `time`; undefined while it has not come. */
  at(time: number): Moment | undefined {
    if (time < this.first) return { frame: null, assessment: null };
    const found = this.whole.at(time);
    if (!found) return undefined;
    const assessment = found.assessments.find(({ from, to }) => from <= time && time < to) ?? null;
    return { frame: this.frameOf(found.grids, time), assessment };
  }

  /** The map to draw at `time`: its outline while the whole has not come, and null where there is none yet. */
  picture(time: number): Frame | null {
    const moment = this.at(time);
    // Outlines wait for the first whole map, which is what one came to see.
    const outline = time >= this.first && this.whole.begun ? this.outlines?.at(time) : undefined;
    return moment ? moment.frame : this.frameOf(outline?.grids ?? null, time);
  }

  /** A map of an hour or a day is in force for as long, so that none is ever stale; a rarer one until the next. */
  private frameOf(grids: Grids | null, time: number): Frame | null {
    if (!grids) return null;
    const { times, data, columns, rows } = grids;
    const at = times.length === 0 ? 0 : times.findLastIndex((one) => one <= time);
    if (at < 0 || (this.spacing <= DAY && time >= (times[at] ?? 0) + this.spacing)) return null;
    const values = data.subarray(at * columns * rows, (at + 1) * columns * rows);
    return values.some((value) => !Number.isNaN(value)) ? { grids, values } : null;
  }

  private async read(span: [number, number] | null, coarser: number): Promise<Window> {
    const assessing = coarser === 1 ? find(this.catalogue, this.collection.assessed_by ?? "") : undefined;
    const address = (this.collection.links.grid ?? "").replace("{property}", this.property?.name ?? "");
    const query = new URLSearchParams();
    if (this.collection.temporal)
      query.set("datetime", (span ?? [this.first, null]).map((one) => (one === null ? ".." : rfc3339(one))).join("/"));
    if (coarser > 1) query.set("coarser", String(coarser));
    const [grids, assessments] = await Promise.all([
      loadGrids(`${address}?${query}`),
      assessing ? loadAssessments(assessing, query.get("datetime")) : [],
    ]);
    if (!grids.ok) this.fail(grids.problem);
    return { grids: grids.ok ? grids.value : null, assessments };
  }
}

/** Least, mean and greatest of the values that there are. */
export function range({ values }: Frame): { minimum: number; mean: number; maximum: number } {
  let [minimum, maximum, sum, count] = [Infinity, -Infinity, 0, 0];
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    if (value < minimum) minimum = value;
    if (value > maximum) maximum = value;
    sum += value;
    count++;
  }
  return { minimum, mean: sum / count, maximum };
}

/** The maps of each coverage, made when first asked for and shared by all who show them. */
export class Atlas {
  private readonly maps = new Map<string, Maps>();
  private readonly watchers: (() => void)[] = [];

  constructor(
    private readonly catalogue: Catalogue,
    private readonly fail: (problem: Problem) => void,
  ) {}

  of(collection: Collection): Maps {
    let maps = this.maps.get(collection.id);
    if (!maps) {
      const came = () => this.watchers.forEach((run) => run());
      maps = new Maps(this.catalogue, collection, came, this.fail);
      this.maps.set(collection.id, maps);
    }
    return maps;
  }

  get waiting(): boolean {
    return [...this.maps.values()].some(({ waiting }) => waiting);
  }

  /** Runs `run` each time maps have come. */
  watch(run: () => void): void {
    this.watchers.push(run);
  }
}
