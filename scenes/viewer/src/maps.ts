/** The maps of a coverage over time, read by windows of neighbouring instants, with what is said of each. */

import { type Grids, loadGrids } from "./binary";
import type { Catalogue, Collection, ObservedProperty } from "./catalogue";
import { find } from "./catalogue";
import { loadAssessments, type Assessment } from "./items";
import type { Problem } from "./outcome";
import { DAY, HOUR, rfc3339 } from "./time";

/** Values that one window may hold: 4 MB. */
const VALUES = 1_000_000;
/** Windows kept, and those that may be under way: a finger that runs over the slider asks for no more. */
const KEPT = 7;
const UNDER_WAY = 2;

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

export class Maps {
  readonly property: ObservedProperty | undefined;
  private readonly windows = new Map<number, Window | "asked">();
  private readonly first: number;
  private readonly spacing: number;
  private readonly length: number;
  private readonly count: number;
  private wanted: number[] = [];

  /** Calls `came` each time a window has come. */
  constructor(
    private readonly catalogue: Catalogue,
    readonly collection: Collection,
    private readonly came: () => void,
    private readonly fail: (problem: Problem) => void,
  ) {
    const { grid, temporal, count, style, observed_properties } = collection;
    this.property = observed_properties.find(({ name }) => name === style.colour_by) ?? observed_properties[0];
    const cells = (grid?.columns ?? 1) * (grid?.rows ?? 1);
    const steps = Math.max(Math.round(count / (cells * observed_properties.length)), 1);
    this.first = temporal ? Date.parse(temporal[0]) : -Infinity;
    const last = temporal ? Date.parse(temporal[1] ?? temporal[0]) : Infinity;
    this.spacing = steps > 1 ? (last - this.first) / (steps - 1) : Infinity;
    const most = Math.max(Math.floor(VALUES / cells), 1);
    this.length = most >= steps ? Infinity : this.spacing * (this.spacing <= HOUR && most > 24 ? 24 : most);
    this.count = this.length === Infinity ? 1 : Math.floor((last - this.first) / this.length) + 1;
  }

  /** Whether something asked for has not come. */
  get waiting(): boolean {
    return [...this.windows.values()].includes("asked");
  }

  /** What there is at `time`; undefined while it has not come, and it is asked for then, with its neighbours. */
  at(time: number): Moment | undefined {
    if (time < this.first) return { frame: null, assessment: null };
    const place = this.length === Infinity ? 0 : Math.floor((time - this.first) / this.length);
    const index = Math.min(place, this.count - 1);
    this.wanted = [index, index + 1, index - 1].filter((one) => one >= 0 && one < this.count);
    this.ask();
    const window = this.windows.get(index);
    if (!window || window === "asked") return undefined;
    const assessment = window.assessments.find(({ from, to }) => from <= time && time < to) ?? null;
    return { frame: this.frameOf(window.grids, time), assessment };
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

  /** Asks for the windows wanted now, the one shown first; those wanted a moment ago are forgotten. */
  private ask(): void {
    for (const index of this.wanted) {
      const known = this.windows.get(index);
      if (known) {
        // The last used stand last: the first are dropped.
        this.windows.delete(index);
        this.windows.set(index, known);
      } else if ([...this.windows.values()].filter((one) => one === "asked").length < UNDER_WAY)
        void this.read(index);
    }
  }

  private async read(index: number): Promise<void> {
    this.windows.set(index, "asked");
    const span = this.spanOf(index);
    const [name, assessing] = [this.property?.name ?? "", find(this.catalogue, this.collection.assessed_by ?? "")];
    const address = (this.collection.links.grid ?? "").replace("{property}", name);
    const [grids, assessments] = await Promise.all([
      loadGrids(span ? `${address}?${new URLSearchParams({ datetime: span })}` : address),
      assessing && span ? loadAssessments(assessing, span) : [],
    ]);
    if (!grids.ok) this.fail(grids.problem);
    this.windows.set(index, { grids: grids.ok ? grids.value : null, assessments });
    for (const old of this.windows.keys()) {
      if (this.windows.size <= KEPT) break;
      if (!this.wanted.includes(old) && this.windows.get(old) !== "asked") this.windows.delete(old);
    }
    this.ask();
    this.came();
  }

  private spanOf(index: number): string | null {
    if (!this.collection.temporal) return null;
    if (this.length === Infinity) return `${rfc3339(this.first)}/..`;
    const start = this.first + index * this.length;
    return `${rfc3339(start)}/${rfc3339(start + this.length - 1000)}`;
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
