/** Objects of a collection, read from the OGC API. */

import type { Collection } from "./catalogue";
import { fetchJson, type Outcome } from "./outcome";
import { rfc3339 } from "./time";
import type { Language, Text } from "./text";

export interface Item {
  id: string;
  geometry: { type: string; coordinates: unknown } | null;
  properties: Record<string, string | number | boolean | null>;
}

interface Page {
  features: Item[];
  numberMatched?: number;
  links?: { rel: string; href: string }[];
}

/** The most names that a search reads of one collection. */
const NAMES = 2000;
/** The fields by which a collection says how sure maps are. */
const ASSESSING = ["rmse", "stations", "reason_fr", "reason_en"];

/** The version of an object that stands at `time`; when none does, the one the server knows, and `stands` is false. */
export async function loadItem(
  collection: Collection,
  id: string,
  time: number,
): Promise<Outcome<{ item: Item; stands: boolean }>> {
  const answer = await fetchJson<Item>(`${collection.links.items}/${encodeURIComponent(id)}?f=json`);
  if (!answer.ok) return answer;
  return { ok: true, value: { item: answer.value, stands: stands(answer.value, time) } };
}

function stands({ properties }: Item, time: number): boolean {
  const from = Date.parse(String(properties.valid_from ?? ""));
  const to = Date.parse(String(properties.valid_to ?? ""));
  return !(from > time) && !(to <= time);
}

/** One page of the objects that stand at `time`. */
export async function loadPage(
  collection: Collection,
  time: number,
  offset: number,
  limit: number,
): Promise<Outcome<{ items: Item[]; total: number }>> {
  const query = new URLSearchParams({ f: "json", limit: String(limit), offset: String(offset) });
  query.set("datetime", rfc3339(time));
  const answer = await fetchJson<Page>(`${collection.links.items}?${query}`);
  if (!answer.ok) return answer;
  const { features, numberMatched } = answer.value;
  return { ok: true, value: { items: features, total: numberMatched ?? offset + features.length } };
}

/** The named objects of a collection, for the search: at most {@link NAMES}. */
export async function loadNames(collection: Collection): Promise<Outcome<Item[]>> {
  const label = collection.style.label;
  if (!label || !collection.links.items) return { ok: true, value: [] };
  const query = new URLSearchParams({ f: "json", limit: String(NAMES), properties: label });
  const answer = await fetchJson<Page>(`${collection.links.items}?${query}`);
  if (!answer.ok) return answer;
  return { ok: true, value: answer.value.features.filter(({ properties }) => properties[label]) };
}

/** How sure a map is, in the unit of `rmse`, or why there is none; over `[from, to)`, milliseconds since 1970 UTC. */
export interface Assessment {
  from: number;
  to: number;
  rmse: number | null;
  stations: number | null;
  reason: Text | null;
}

/** What is said of the maps of a span of time; nothing where it cannot be read, for the maps stand without it. */
export async function loadAssessments(collection: Collection, datetime: string | null): Promise<Assessment[]> {
  const names = collection.fields.map(({ name }) => name).filter((name) => ASSESSING.includes(name));
  const properties = [...names, "valid_from", "valid_to"].join(",");
  const query = new URLSearchParams({ f: "json", properties, skipGeometry: "true", limit: String(NAMES) });
  if (datetime) query.set("datetime", datetime);
  const answer = await fetchJson<Page>(`${collection.links.items}?${query}`);
  if (!answer.ok) return [];
  return answer.value.features.map(({ properties: { valid_from, valid_to, rmse, stations, reason_fr, reason_en } }) => ({
    from: Date.parse(String(valid_from)),
    to: valid_to ? Date.parse(String(valid_to)) : Infinity,
    rmse: typeof rmse === "number" ? rmse : null,
    stations: typeof stations === "number" ? stations : null,
    reason: reason_fr ? { fr: String(reason_fr), en: String(reason_en ?? reason_fr) } : null,
  }));
}

/** The name of an object: its label, else its identifier. */
export function nameOf(collection: Collection, item: Item): string {
  const label = collection.style.label ? item.properties[collection.style.label] : null;
  return label === null || label === undefined || label === "" ? item.id : String(label);
}

/** The middle of a geometry's box, longitude then latitude; null when it has none. */
export function middleOf(item: Item): [number, number] | null {
  const box = [Infinity, Infinity, -Infinity, -Infinity] as [number, number, number, number];
  const visit = (part: unknown): void => {
    if (!Array.isArray(part)) return;
    const [x, y] = part;
    if (typeof x === "number" && typeof y === "number") {
      box[0] = Math.min(box[0], x);
      box[1] = Math.min(box[1], y);
      box[2] = Math.max(box[2], x);
      box[3] = Math.max(box[3], y);
    } else part.forEach(visit);
  };
  visit(item.geometry?.coordinates);
  return box[0] <= box[2] ? [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2] : null;
}

/** Lower case without accents and with straight apostrophes, so that “l'ecole” finds “l’École”. */
export function folded(text: string, language: Language): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").replaceAll("’", "'").toLocaleLowerCase(language);
}
