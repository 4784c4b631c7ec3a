/** What the server says can be drawn: the page knows no collection but through this. */

import { fetchJson, type Outcome } from "./outcome";
import type { Text } from "./text";

/** A continuous legend: colours spread evenly from `minimum` to `maximum`. */
export interface Ramp {
  minimum: number;
  maximum: number;
  colours: string[];
}

export interface Category {
  value: string | number;
  title: Text;
  colour: string;
}

export interface Field {
  name: string;
  type: "string" | "integer" | "number" | "boolean" | "date" | "datetime";
  title: Text;
  unit: string | null;
  description: Text | null;
  categories: Category[];
}

export interface ObservedProperty {
  name: string;
  title: Text;
  unit: string;
  /** What a value means to a person. */
  description: Text | null;
  /** A value to compare with. */
  reference: { value: number; title: Text } | null;
}

/** A subject under which collections are shown together. */
export interface Theme {
  name: string;
  title: Text;
}

export interface Style {
  symbol: "fill" | "line" | "point" | "extrusion" | "raster" | "none";
  colour: string;
  outline: string | null;
  opacity: number;
  size: number;
  order: number;
  visible: boolean;
  minimum_zoom: number;
  label: string | null;
  height: string | null;
  base: string | null;
  colour_by: string | null;
  ramp: Ramp | null;
}

/** West, south, east, north in degrees (CRS84). */
export type Box = [number, number, number, number];
/** First and last instant, RFC 3339; an open end is null. */
export type Span = [string, string | null];

export interface Collection {
  id: string;
  kind: "features" | "timeseries" | "coverage" | "tileset";
  title: Text;
  description: Text;
  theme: Theme | null;
  geometry: string | null;
  /** Coverages: their cells. */
  grid: { columns: number; rows: number } | null;
  /** Coverages: the collection that says how sure each map is, or why there is none. */
  assessed_by: string | null;
  style: Style;
  fields: Field[];
  observed_properties: ObservedProperty[];
  extent: Box | null;
  temporal: Span | null;
  count: number;
  revision: number;
  /** Instants at which what is drawn on the ground changes; absent where they are too many to list. */
  changes?: string[];
  licence: { title: string; url: string | null; attribution: string };
  producer: string;
  /** Addresses relative to the page, present where they apply. */
  links: Partial<Record<"items" | "tileset" | "tiles" | "grid" | "position" | "values" | "locations", string>>;
  /** Time series: which properties are observed on the objects of which collection. */
  objects?: Record<string, string[]>;
}

export interface Catalogue {
  city: { name: string; time_zone: string; crs: string; geoid_height: number };
  revision: number;
  extent: Box | null;
  temporal: [string, string] | null;
  collections: Collection[];
}

/** A series that can colour the objects it belongs to: one property of one time-series collection. */
export interface Measure {
  collection: Collection;
  property: ObservedProperty;
}

/** Reads the catalogue of the city. */
export function loadCatalogue(): Promise<Outcome<Catalogue>> {
  return fetchJson<Catalogue>("scenes/catalogue.json");
}

/** The collection called `id`, if the public may know of it. */
export function find(catalogue: Catalogue, id: string): Collection | undefined {
  return catalogue.collections.find((collection) => collection.id === id);
}

/** What has a place on the map, the uppermost first. */
export function drawn(catalogue: Catalogue): Collection[] {
  return catalogue.collections
    .filter(({ style, links }) => style.symbol !== "none" && (links.tileset ?? links.tiles ?? links.grid))
    .sort((a, b) => b.style.order - a.style.order || a.id.localeCompare(b.id));
}

/** The coverages among `layers` that answer at a place: those of the theme first, then the uppermost. */
export function mapped(catalogue: Catalogue, theme: string | null, layers: ReadonlySet<string>): Collection[] {
  const shown = drawn(catalogue).filter(({ id, links }) => links.position && layers.has(id));
  const far = ({ theme: of }: Collection) => Number(theme === null || of?.name !== theme);
  return shown.sort((a, b) => far(a) - far(b));
}

/** The collections whose objects can be touched: those drawn one by one. */
export function touchable(catalogue: Catalogue): Collection[] {
  return drawn(catalogue).filter(({ links }) => links.tileset && links.items);
}

/** Every measure of objects drawn one by one, in the catalogue's order; its key is `collection.property`. */
export function measures(catalogue: Catalogue): Map<string, Measure> {
  const found = new Map<string, Measure>();
  const solid = new Set(touchable(catalogue).map(({ id }) => id));
  for (const collection of catalogue.collections) {
    if (collection.kind !== "timeseries" || !collection.links.values) continue;
    const drawnOn = Object.entries(collection.objects ?? {}).filter(([objects]) => solid.has(objects));
    const observed = new Set(drawnOn.flatMap(([, names]) => names));
    for (const property of collection.observed_properties) {
      if (observed.has(property.name))
        found.set(`${collection.id}.${property.name}`, { collection, property });
    }
  }
  return found;
}

/** The themes of what is drawn, in the order of their names. */
export function themes(catalogue: Catalogue): Theme[] {
  const found = new Map(drawn(catalogue).flatMap(({ theme }) => (theme ? [[theme.name, theme]] : [])));
  return [...found.values()].sort((a, b) => a.name.localeCompare(b.name));
}

/** The layers shown at first under a theme, or under none: what is visible of it, and of what has no theme. */
export function firstLayers(catalogue: Catalogue, theme: string | null): ReadonlySet<string> {
  const shown = drawn(catalogue).filter(
    (one) => one.style.visible && (one.theme === null || one.theme.name === theme),
  );
  return new Set(shown.map(({ id }) => id));
}

/** The measure shown at first: of the theme, else of none, the visible time series that says by what it is coloured. */
export function firstMeasure(catalogue: Catalogue, theme: string | null): string | null {
  const all = [...measures(catalogue)];
  const first = (of: string | null) =>
    all.find(
      ([, { collection, property }]) =>
        (collection.theme?.name ?? null) === of &&
        collection.style.visible &&
        collection.style.colour_by === property.name,
    );
  return (first(theme) ?? first(null) ?? all[0])?.[0] ?? null;
}

/** The time series that hold something on the objects of `collection`. */
export function seriesOf(catalogue: Catalogue, collection: string): Collection[] {
  return catalogue.collections.filter(
    ({ kind, objects, links }) => kind === "timeseries" && links.locations && objects?.[collection]?.length,
  );
}
