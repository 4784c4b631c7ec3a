/** The maps of a coverage over time, whole and in outline, with what is said of each. */

import { type Grids, loadGrids } from "./binary";
import { type Catalogue, type Collection, find, type ObservedProperty } from "./catalogue";
import { type Assessment, loadAssessments } from "./items";
import type { Problem } from "./outcome";
import { DAY, rfc3339 } from "./time";
import { Windows } from "./windows";

/** Values that one window may hold: 4 MB. */
const VALUES = 1_000_000;
/** How many cells a side one cell of an outline may stand for (scenes/grids.py). */
const COARSEST = 8;

/** What a window holds. */
interface Read {
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

export class Maps {
  readonly property: ObservedProperty | undefined;
  /** Milliseconds for which a map is in force: as long as its hour or day, so that none is ever stale; a rarer one until the next. */
  readonly lasts: number;
  private readonly first: number;
  private readonly whole: Windows<Read>;
  /** Every map in outline, so that something follows the finger at once; null where windows of whole maps are as long. */
  private readonly outlines: Windows<Read> | null;

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
    const spacing = steps > 1 ? (last - this.first) / (steps - 1) : Infinity;
    this.lasts = spacing <= DAY ? spacing - 1 : Infinity;
    const windows = (coarser: number) =>
      new Windows(
        this.first,
        last,
        spacing,
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

  private frameOf(grids: Grids | null, time: number): Frame | null {
    if (!grids) return null;
    const { times, data, columns, rows } = grids;
    const at = times.length === 0 ? 0 : times.findLastIndex((one) => one <= time);
    if (at < 0 || time - (times[at] ?? -Infinity) > this.lasts) return null;
    const values = data.subarray(at * columns * rows, (at + 1) * columns * rows);
    return values.some((value) => !Number.isNaN(value)) ? { grids, values } : null;
  }

  private async read(span: [number, number] | null, coarser: number): Promise<Read> {
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
