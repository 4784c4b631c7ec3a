/** Matrices of values and grids, as the server frames them: a length, a JSON header, little-endian numbers. */

import { fetchBytes, type Outcome } from "./outcome";

/** One property of many objects over regular time steps, `[steps][ids]`. */
export interface Values {
  ids: string[];
  /** Place of each object in the order of its collection; null for one that is not there. */
  rows: (number | null)[];
  /** First step, milliseconds since 1970 UTC. */
  start: number;
  /** Milliseconds between steps. */
  step: number;
  steps: number;
  unit: string;
  /** NaN where there is no value, or a doubtful one. */
  data: Float32Array;
  /** Code of the quality of each value; 0 is good, 255 says that there is none. */
  quality: Uint8Array;
}

/** Maps on a regular grid in degrees, `[times][rows][columns]`, north row first; NaN outside. */
export interface Grids {
  bbox: [number, number, number, number];
  columns: number;
  rows: number;
  unit: string;
  /** Milliseconds since 1970 UTC; none where the one map has no time. */
  times: number[];
  data: Float32Array;
}

function unframe<H>(buffer: ArrayBuffer): { header: H; offset: number } {
  const length = new DataView(buffer).getUint32(0, true);
  const text = new TextDecoder().decode(new Uint8Array(buffer, 4, length));
  return { header: JSON.parse(text) as H, offset: 4 + length };
}

export async function loadValues(address: string): Promise<Outcome<Values>> {
  const bytes = await fetchBytes(address);
  if (!bytes.ok) return bytes;
  const { header, offset } = unframe<{
    ids: string[];
    rows?: (number | null)[];
    start: string;
    step_seconds: number;
    steps: number;
    unit: string;
  }>(bytes.value);
  const size = header.ids.length * header.steps;
  return {
    ok: true,
    value: {
      ids: header.ids,
      rows: header.rows ?? header.ids.map(() => null),
      start: Date.parse(header.start),
      step: header.step_seconds * 1000,
      steps: header.steps,
      unit: header.unit,
      data: new Float32Array(bytes.value, offset, size),
      quality: new Uint8Array(bytes.value, offset + 4 * size, size),
    },
  };
}

export async function loadGrids(address: string): Promise<Outcome<Grids>> {
  const bytes = await fetchBytes(address);
  if (!bytes.ok) return bytes;
  const { header, offset } = unframe<Omit<Grids, "data" | "times"> & { times: string[] }>(bytes.value);
  const data = new Float32Array(bytes.value, offset);
  return { ok: true, value: { ...header, times: header.times.map((text) => Date.parse(text)), data } };
}
