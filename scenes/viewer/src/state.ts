/** What the person is looking at: one value, changed in one place, watched by every part of the page. */

import type { Language } from "./text";

export interface View {
  /** Degrees, and metres above the ellipsoid. */
  longitude: number;
  latitude: number;
  height: number;
  /** Degrees; a pitch of -90 looks straight down. */
  heading: number;
  pitch: number;
}

/** An object of a collection. */
export interface Thing {
  collection: string;
  id: string;
}

/** A place on the ground, degrees (CRS84). */
export interface Place {
  longitude: number;
  latitude: number;
}

export type Selection = Thing | Place;

export function isPlace(selection: Selection | null): selection is Place {
  return selection !== null && "longitude" in selection;
}

export interface State {
  language: Language;
  /** Milliseconds since 1970 UTC. */
  time: number;
  playing: boolean;
  /** Name of the theme shown; null for the city alone. */
  theme: string | null;
  layers: ReadonlySet<string>;
  /** Key of the measure that colours objects (`collection.property`), or none. */
  measure: string | null;
  selection: Selection | null;
  /** Id of the object whose series are drawn beside those of the selection, in the same collection. */
  compared: string | null;
  /** Whether the next object touched is the one to compare with. */
  comparing: boolean;
  view: View | null;
  /** When what is shown was read, where the server could not be asked again. */
  readAt: number | null;
}

/** What a touch of an object, of the ground under a map, or of nothing changes. */
export function touched({ selection, comparing }: State, found: Selection | null): Partial<State> {
  const closed: Partial<State> = { selection: null, compared: null, comparing: false };
  if (!found || !selection || isPlace(selection)) return { ...closed, selection: found };
  // Beside the card of an object, a touch of the ground closes it; the next asks about the place.
  if (isPlace(found)) return closed;
  if (comparing && found.collection === selection.collection && found.id !== selection.id)
    return { compared: found.id, comparing: false };
  return { ...closed, selection: found };
}

export class Store {
  private readonly watchers: { keys: (keyof State)[]; run: (state: State) => void }[] = [];
  constructor(private state: State) {}

  get current(): State {
    return this.state;
  }

  /** Changes some of the state, then tells those who watch what really changed. */
  set(change: Partial<State>): void {
    const keys = (Object.keys(change) as (keyof State)[]).filter((key) => change[key] !== this.state[key]);
    if (keys.length === 0) return;
    this.state = { ...this.state, ...change };
    for (const watcher of this.watchers) {
      if (watcher.keys.some((key) => keys.includes(key))) watcher.run(this.state);
    }
  }

  /** Runs `run` now, and each time one of `keys` changes. */
  watch(keys: (keyof State)[], run: (state: State) => void): void {
    this.watchers.push({ keys, run });
    run(this.state);
  }
}
