/** Colours of values: from the categories of a field, or along a ramp. */

import type { Category, Collection, Ramp } from "./catalogue";

export type Rgb = [number, number, number];

/** Colour of what has no value. */
export const NO_VALUE = "#b9b4a8";
const DEFAULT_RAMP = ["#2c3e73", "#39749c", "#5ba6a0", "#a8cf98", "#f3e6a1", "#eea55f", "#c9493b"];

export function rgb(hex: string): Rgb {
  const number = Number.parseInt(hex.slice(1), 16);
  return [(number >> 16) & 255, (number >> 8) & 255, number & 255];
}

export function css([r, g, b]: Rgb, opacity = 1): string {
  return opacity >= 1 ? `rgb(${r} ${g} ${b})` : `rgb(${r} ${g} ${b} / ${opacity})`;
}

/** `steps` colours evenly spread along a ramp. */
export function spread(ramp: Ramp, steps: number): Rgb[] {
  return Array.from({ length: steps }, (_, i) =>
    along(ramp, ramp.minimum + ((ramp.maximum - ramp.minimum) * i) / Math.max(steps - 1, 1)),
  );
}

/** The colour of one value, clamped to the ends of the ramp. */
export function along(ramp: Ramp, value: number): Rgb {
  const last = ramp.colours.length - 1;
  const share = (value - ramp.minimum) / (ramp.maximum - ramp.minimum || 1);
  const place = Math.min(Math.max(share, 0), 1) * last;
  const below = Math.min(Math.floor(place), Math.max(last - 1, 0));
  const [from, to] = [
    rgb(ramp.colours[below] ?? NO_VALUE),
    rgb(ramp.colours[below + 1] ?? ramp.colours[below] ?? NO_VALUE),
  ];
  const mix = place - below;
  return [0, 1, 2].map((i) => Math.round((from[i] ?? 0) * (1 - mix) + (to[i] ?? 0) * mix)) as Rgb;
}

/** A ramp over what some matrices of values hold, between the 2nd and 98th percentiles, on round numbers. */
export function rampOver(matrices: { data: Float32Array }[]): Ramp {
  const sorted = Float32Array.from(matrices.flatMap(({ data }) => [...data.filter(Number.isFinite)])).sort();
  if (sorted.length === 0) return { minimum: 0, maximum: 1, colours: DEFAULT_RAMP };
  const low = sorted[Math.floor(sorted.length * 0.02)] ?? 0;
  const high = sorted[Math.floor(sorted.length * 0.98)] ?? 1;
  const unit = 10 ** Math.floor(Math.log10(Math.max(high - low, 1e-6) / 4));
  const minimum = Math.floor(low / unit) * unit;
  const maximum = Math.max(Math.ceil(high / unit) * unit, minimum + unit);
  return { minimum, maximum, colours: DEFAULT_RAMP };
}

/** The categories by which `collection` is coloured, if it is. */
export function categoriesOf(collection: Collection): Category[] {
  const field = collection.fields.find(({ name }) => name === collection.style.colour_by);
  return field?.categories ?? [];
}

/** A function from the properties of a feature to its CSS colour, by the style of its collection. */
export function painter(collection: Collection): (properties: Record<string, unknown>) => string {
  const { style } = collection;
  const by = style.colour_by;
  const plain = css(rgb(style.colour), style.opacity);
  if (!by) return () => plain;
  const byCategory = new Map(
    categoriesOf(collection).map(({ value, colour }) => [String(value), css(rgb(colour), style.opacity)]),
  );
  const { ramp } = style;
  return (properties) => {
    const value = properties[by];
    if (value === undefined || value === null) return plain;
    if (ramp && typeof value === "number") return css(along(ramp, value), style.opacity);
    return byCategory.get(String(value)) ?? plain;
  };
}
