/** The address of what is on the screen: camera, time, theme, layers, measure, selection, language. */

import { type Catalogue, drawn, find, firstLayers, firstMeasure, measures, themes } from "./catalogue";
import { isPlace, type Place, type Selection, type State, type Store, type View } from "./state";
import { lastNight } from "./themes";
import { covers, meaningfulInstant, rfc3339, scalesOf, snap } from "./time";

/** The state that the address asks for; what it does not say, or says wrongly, is the default. */
export function stateOf(catalogue: Catalogue, hash: string): State {
  const asked = new URLSearchParams(hash.replace(/^#/, ""));
  const time = Date.parse(asked.get("t") ?? "");
  const measure = asked.get("measure");
  const theme = themes(catalogue).find(({ name }) => name === asked.get("view"))?.name ?? null;
  return {
    language: languageOf(asked.get("lang")),
    time: timeOf(catalogue, theme, time),
    playing: false,
    theme,
    layers: layersOf(catalogue, theme, asked.get("layers")),
    measure:
      measure === ""
        ? null
        : measure && measures(catalogue).has(measure)
          ? measure
          : firstMeasure(catalogue, theme),
    selection: thingOf(catalogue, asked.get("object")) ?? placeOf(asked.get("place")),
    compared: asked.get("with"),
    comparing: false,
    view: viewOf(asked.get("camera")),
    readAt: null,
  };
}

/** The instant of a scale that covers `time`, or a meaningful one. */
function timeOf(catalogue: Catalogue, theme: string | null, asked: number): number {
  const time = Number.isNaN(asked) && theme !== null ? (lastNight(catalogue, theme) ?? asked) : asked;
  const scales = scalesOf(catalogue);
  const scale = scales.find((one) => covers(one, time));
  if (scale) return snap(scale, time);
  return scales[0] ? meaningfulInstant(scales[0], catalogue.city.time_zone) : Date.now();
}

/** The language asked for, else the browser's, else French. */
export function languageOf(asked: string | null): "fr" | "en" {
  const wanted = asked ?? navigator.language ?? "fr";
  return wanted.toLowerCase().startsWith("en") ? "en" : "fr";
}

function layersOf(catalogue: Catalogue, theme: string | null, asked: string | null): ReadonlySet<string> {
  if (asked === null) return firstLayers(catalogue, theme);
  const names = asked.split(",");
  return new Set(
    drawn(catalogue)
      .map(({ id }) => id)
      .filter((id) => names.includes(id)),
  );
}

function thingOf(catalogue: Catalogue, asked: string | null): Selection | null {
  const [collection, ...id] = (asked ?? "").split("/");
  return collection && id.length && find(catalogue, collection) ? { collection, id: id.join("/") } : null;
}

function placeOf(asked: string | null): Place | null {
  const [longitude, latitude, ...rest] = (asked ?? "").split(",").map((text) => Number(text || Number.NaN));
  if (longitude === undefined || latitude === undefined || rest.length) return null;
  return Math.abs(longitude) <= 180 && Math.abs(latitude) <= 90 ? { longitude, latitude } : null;
}

function viewOf(asked: string | null): View | null {
  const numbers = (asked ?? "").split(",").map(Number);
  if (numbers.length !== 5 || !numbers.every(Number.isFinite)) return null;
  const [longitude, latitude, height, heading, pitch] = numbers as [number, number, number, number, number];
  return {
    longitude,
    latitude,
    height: Math.max(height, 1),
    heading,
    pitch: Math.min(Math.max(pitch, -90), 0),
  };
}

/** The address of `state`, its separators left readable. */
export function hashOf(catalogue: Catalogue, state: State): string {
  const parts = [`lang=${state.language}`, `t=${rfc3339(state.time)}`];
  if (state.theme) parts.push(`view=${state.theme}`);
  const standard = firstLayers(catalogue, state.theme);
  if (state.layers.size !== standard.size || [...state.layers].some((id) => !standard.has(id)))
    parts.push(`layers=${[...state.layers].sort().join(",")}`);
  if (state.measure !== firstMeasure(catalogue, state.theme)) parts.push(`measure=${state.measure ?? ""}`);
  const { selection } = state;
  if (isPlace(selection)) parts.push(`place=${selection.longitude.toFixed(5)},${selection.latitude.toFixed(5)}`);
  else if (selection) {
    parts.push(`object=${selection.collection}/${encodeURIComponent(selection.id)}`);
    if (state.compared) parts.push(`with=${encodeURIComponent(state.compared)}`);
  }
  if (state.view) {
    const { longitude, latitude, height, heading, pitch } = state.view;
    parts.push(
      `camera=${longitude.toFixed(6)},${latitude.toFixed(6)},${height.toFixed(0)},${heading.toFixed(1)},${pitch.toFixed(1)}`,
    );
  }
  return `#${parts.join("&")}`;
}

/** Keeps the address bar and the state equal, both ways. */
export function keepAddress(catalogue: Catalogue, store: Store): void {
  let waiting = 0;
  store.watch(["language", "time", "theme", "layers", "measure", "selection", "compared", "view"], () => {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(() => history.replaceState(null, "", hashOf(catalogue, store.current)), 250);
  });
  // The address that was asked for: the present one may have been written since.
  window.addEventListener("hashchange", ({ newURL }) =>
    store.set({ ...stateOf(catalogue, new URL(newURL).hash), readAt: store.current.readAt }),
  );
}
