/** The steps of the slider, and instants as the people of the city read them. */

import type { Catalogue, Language } from "./catalogue";

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
const LOCALE: Record<Language, string> = { fr: "fr-FR", en: "en-GB" };

/** The hours between two instants, both included. */
export interface Steps {
  /** Milliseconds since 1970 UTC. */
  start: number;
  count: number;
}

/** The hourly steps of the catalogue's period; null when nothing varies. */
export function stepsOf(catalogue: Catalogue): Steps | null {
  if (!catalogue.temporal) return null;
  const start = Math.floor(Date.parse(catalogue.temporal[0]) / HOUR) * HOUR;
  const end = Math.ceil(Date.parse(catalogue.temporal[1]) / HOUR) * HOUR;
  return Number.isFinite(start) && end > start ? { start, count: (end - start) / HOUR + 1 } : null;
}

export function indexOf(steps: Steps, time: number): number {
  return Math.min(Math.max(Math.round((time - steps.start) / HOUR), 0), steps.count - 1);
}

export function instantOf(steps: Steps, index: number): number {
  return steps.start + index * HOUR;
}

/** Mid-afternoon, in the city's zone, of the middle day: when a summer month has most to show. */
export function meaningfulHour(steps: Steps, timeZone: string): number {
  const middle = Math.floor(steps.count / 2);
  for (let offset = 0; offset < 24 && middle + offset < steps.count; offset++) {
    const time = instantOf(steps, middle + offset);
    if (localHour(time, timeZone) === 16) return time;
  }
  return instantOf(steps, middle);
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

/** The first step of each day of the city's calendar. */
export function midnights(steps: Steps, timeZone: string): number[] {
  return Array.from({ length: steps.count }, (_, index) => instantOf(steps, index)).filter(
    (time) => localHour(time, timeZone) === 0,
  );
}
