/** The series of one object, or of one place on a map, read from OGC API EDR as CoverageJSON. */

import type { Collection, ObservedProperty } from "./catalogue";
import { t } from "./i18n";
import { fetchJson, type Outcome } from "./outcome";
import type { Place } from "./state";
import type { Language, Text } from "./text";
import { HOUR } from "./time";

export interface Series {
  collection: Collection;
  property: ObservedProperty;
  /** Milliseconds since 1970 UTC, ascending; -Infinity for what has no time. */
  times: number[];
  /** Milliseconds for which a value is that of the time shown. */
  lasts: number;
  /** Null where nothing was measured. */
  values: (number | null)[];
  /** Why a value is doubtful; null for a good one; none at all where quality is not told. */
  doubts: (Text | null)[];
}

interface Range {
  values: (number | string | null)[];
}
interface Parameter {
  categoryEncoding?: Record<string, number | number[]>;
  observedProperty?: { categories?: { id: string; label: Record<string, string> }[] };
}
interface Coverage {
  domain: { axes: { t?: { values: string[] } } };
  ranges: Record<string, Range>;
  parameters?: Record<string, Parameter>;
}
type CoverageJson = Coverage & { coverages?: Coverage[] };

const SUFFIX = "_quality";

/** Reads the properties `names` of the series of one object, with the quality of each value. */
export async function loadSeries(
  collection: Collection,
  objectId: string,
  names: string[],
): Promise<Outcome<Series[]>> {
  const wanted = names.flatMap((name) => [name, name + SUFFIX]).join(",");
  const answer = await fetchJson<CoverageJson>(
    `${collection.links.locations}/${encodeURIComponent(objectId)}?parameter-name=${wanted}&f=json`,
  );
  if (!answer.ok) return [204, 404].includes(answer.problem.status) ? { ok: true, value: [] } : answer;
  return { ok: true, value: read(collection, answer.value) };
}

/** Reads what a map says of one place, each value in force for `lasts` milliseconds; outside of the map the status is 204. */
export async function loadCell(
  collection: Collection,
  name: string,
  { longitude, latitude }: Place,
  lasts: number,
): Promise<Outcome<Series[]>> {
  const query = new URLSearchParams({ coords: `POINT(${longitude} ${latitude})`, "parameter-name": name, f: "json" });
  const answer = await fetchJson<CoverageJson>(`${collection.links.position}?${query}`);
  return answer.ok ? { ok: true, value: read(collection, answer.value, lasts) } : answer;
}

function read(collection: Collection, document: CoverageJson, lasts?: number): Series[] {
  return (document.coverages ?? [document]).flatMap((coverage) => {
    const parameters = coverage.parameters ?? document.parameters ?? {};
    const times = coverage.domain.axes.t?.values.map((text) => Date.parse(text)) ?? [-Infinity];
    const step = (times[1] ?? 0) - (times[0] ?? 0);
    return collection.observed_properties.flatMap((property) => {
      const range = coverage.ranges[property.name];
      const values = range?.values.map((value) => (typeof value === "number" ? value : null)) ?? [];
      if (!values.some((value) => value !== null)) return [];
      const quality = coverage.ranges[property.name + SUFFIX];
      const titles = titlesOf(parameters[property.name + SUFFIX]);
      const doubts = quality ? values.map((value, i) => (value === null ? null : titles(quality.values[i]))) : [];
      return [{ collection, property, times, lasts: lasts ?? Math.max(HOUR, step), values, doubts }];
    });
  });
}

/** A function from the code of a quality to its title; null for the first category, which is the good one. */
function titlesOf(
  parameter: Parameter | undefined,
): (code: number | string | null | undefined) => Text | null {
  const categories = parameter?.observedProperty?.categories ?? [];
  const byCode = new Map<string, Text | null>();
  categories.forEach(({ id, label }, index) => {
    const codes = [parameter?.categoryEncoding?.[id] ?? index, id].flat();
    const title = { fr: label.fr ?? label.en ?? id, en: label.en ?? label.fr ?? id };
    for (const code of codes) byCode.set(String(code), index === 0 ? null : title);
  });
  return (code) => (code === null || code === undefined ? null : (byCode.get(String(code)) ?? null));
}

/** What is said where a series has no value. */
export function absence({ collection }: Series, language: Language): string {
  return t(collection.kind === "coverage" ? "noCell" : "noValue", language);
}

/** The value at the last instant not after `time`, when it is at most `tolerance` milliseconds old. */
export function valueAt({ times, values, doubts, lasts }: Series, time: number, tolerance = lasts) {
  let index = times.length - 1;
  while (index >= 0 && (times[index] ?? 0) > time) index--;
  const instant = times[index];
  if (instant === undefined || time - instant > tolerance) return null;
  return { index, value: values[index] ?? null, doubt: doubts[index] ?? null };
}

/** Count, extremes and mean of the good values, and how many are doubtful or missing. */
export function summary({ values, doubts }: Series) {
  let [minimum, maximum, sum, count, doubtful, missing] = [Infinity, -Infinity, 0, 0, 0, 0];
  values.forEach((value, i) => {
    if (value === null) missing++;
    else if (doubts[i]) doubtful++;
    else {
      minimum = Math.min(minimum, value);
      maximum = Math.max(maximum, value);
      sum += value;
      count++;
    }
  });
  return { minimum, maximum, mean: sum / count, count, doubtful, missing };
}
