/** The scales of the slider, and instants as the people of the city read them. */

import type { Catalogue, Span } from "./catalogue";
import type { Language } from "./text";

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
const LOCALE: Record<Language, string> = { fr: "fr-FR", en: "en-GB" };

/** The instants at which the slider stops: the hours of the series, or the years of the city. */
export interface Scale {
  kind: "hours" | "years";
  /** Milliseconds since 1970 UTC, ascending, at least two. */
  instants: number[];
}

/** A period of more hours than this is stepped by days. */
const MOST_HOURS = 20_000;
/** A longer period is told by its years. */
export const LONG = 2 * 365 * DAY;

/** The scales that the catalogue gives something to see on: that of its series first. */
export function scalesOf(catalogue: Catalogue): Scale[] {
  const series = catalogue.collections.filter(({ kind }) => kind === "timeseries");
  const hours = spanOf(series.map(({ temporal }) => temporal));
  const whole = spanOf([catalogue.temporal]);
  const scales: Scale[] = [];
  if (hours) {
    const step = hours[1] - hours[0] > MOST_HOURS * HOUR ? DAY : HOUR;
    const start = Math.floor(hours[0] / HOUR) * HOUR;
    const count = Math.ceil((hours[1] - start) / step) + 1;
    scales.push({ kind: "hours", instants: Array.from({ length: count }, (_, i) => start + i * step) });
  }
  if (whole && (whole[1] - whole[0] > LONG || !hours)) {
    const years = newYears(Date.UTC(new Date(whole[0]).getUTCFullYear(), 0, 1), whole[1] - 1);
    scales.push({ kind: "years", instants: [...years, whole[1]] });
  }
  return scales.filter(({ instants }) => instants.length > 1);
}

function spanOf(spans: (Span | null)[]): [number, number] | null {
  const known = spans.filter((span) => span !== null);
  const starts = known.map(([start]) => Date.parse(start));
  const ends = known.map(([start, end]) => Date.parse(end ?? start));
  const [start, end] = [Math.min(...starts), Math.max(...ends)];
  return start < end ? [start, end] : null;
}

/** Whether `time` lies in the period of a scale. */
export function covers({ instants }: Scale, time: number): boolean {
  return time >= (instants[0] ?? 0) && time <= (instants[instants.length - 1] ?? 0);
}

/** Index of the instant of a scale nearest to `time`. */
export function indexOf({ instants }: Scale, time: number): number {
  let [low, high] = [0, instants.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((instants[middle] ?? 0) <= time) low = middle;
    else high = middle;
  }
  return time - (instants[low] ?? 0) <= (instants[high] ?? 0) - time ? low : high;
}

/** The instant of a scale nearest to `time`. */
export function snap(scale: Scale, time: number): number {
  return scale.instants[indexOf(scale, time)] ?? time;
}

/** Ten in the evening, in the city's zone, of the middle day: when a city differs most from its country. */
export function meaningfulInstant({ kind, instants }: Scale, timeZone: string): number {
  const middle = Math.floor(instants.length / 2);
  if (kind === "years") return instants[instants.length - 1] ?? 0;
  const evening = instants.slice(middle, middle + 24).find((time) => localHour(time, timeZone) === 22);
  return evening ?? instants[middle] ?? 0;
}

/** Days since 1970-01-01 UTC: the clock of the lifespans in the 3D tiles. */
export function dayNumber(time: number): number {
  return time / DAY;
}

export function rfc3339(time: number): string {
  return new Date(time).toISOString().replace(".000Z", "Z");
}

const formats = new Map<string, Intl.DateTimeFormat>();
function format(
  language: Language,
  timeZone: string,
  options: Intl.DateTimeFormatOptions,
): Intl.DateTimeFormat {
  const key = `${language} ${timeZone} ${JSON.stringify(options)}`;
  let known = formats.get(key);
  if (!known) {
    known = new Intl.DateTimeFormat(LOCALE[language], { timeZone, ...options });
    formats.set(key, known);
  }
  return known;
}

export function localHour(time: number, timeZone: string): number {
  return Number(format("en", timeZone, { hour: "2-digit", hourCycle: "h23" }).format(time));
}

/** For instance “mercredi 15 juillet 2026”. */
export function longDate(time: number, language: Language, timeZone: string): string {
  return format(language, timeZone, {
    weekday: "long",
    day: "numeric",
    month: "long",
    year: "numeric",
  }).format(time);
}

/** For instance “16:00”. */
export function clock(time: number, language: Language, timeZone: string): string {
  return format(language, timeZone, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(time);
}

/** For instance “15 juil.”. */
export function shortDate(time: number, language: Language, timeZone: string): string {
  return format(language, timeZone, { day: "numeric", month: "short" }).format(time);
}

/** For instance “15 juil. 2026 16:00”. */
export function shortInstant(time: number, language: Language, timeZone: string): string {
  const day = format(language, timeZone, { day: "numeric", month: "short", year: "numeric" }).format(time);
  return `${day} ${clock(time, language, timeZone)}`;
}

/** The beginnings of years (UTC) between two instants. */
export function newYears(from: number, to: number): number[] {
  const [first, last] = [new Date(from - 1).getUTCFullYear() + 1, new Date(to).getUTCFullYear()];
  return Array.from({ length: last - first + 1 }, (_, i) => Date.UTC(first + i, 0, 1));
}

/** The midnights of the city's calendar between two instants. */
export function midnights(from: number, to: number, timeZone: string): number[] {
  const first = Math.ceil(from / HOUR) * HOUR;
  const hours = Array.from({ length: Math.floor((to - first) / HOUR) + 1 }, (_, i) => first + i * HOUR);
  return hours.filter((time) => localHour(time, timeZone) === 0);
}
