/** The values of one measure on one collection, as textures: made once, after which an hour costs one number. */

import type { TextureUniform } from "@cesium/engine";
import type { Values } from "../binary";
import type { Ramp } from "../catalogue";
import { type Rgb, spread } from "../colours";
import { texels, texture } from "./shader";

const SHADES = 256;

export class ValueTexture {
  /** Colour of each value, step by step. */
  readonly values: TextureUniform;
  /** Column of the values of each object, plus one, by the row of the object; 24 bits, low first. */
  readonly columns: TextureUniform;

  constructor(
    private readonly source: Values,
    ramp: Ramp,
  ) {
    const shades = spread(ramp, SHADES);
    const scale = (SHADES - 1) / (ramp.maximum - ramp.minimum || 1);
    const data = texels(source.data.length);
    source.data.forEach((value, i) => {
      if (Number.isNaN(value)) return;
      const shade = Math.min(Math.max(Math.round((value - ramp.minimum) * scale), 0), SHADES - 1);
      const [r, g, b] = shades[shade] as Rgb;
      data.set([r, g, b, 255], i * 4);
    });
    this.values = texture(data);
    const columns = texels(1 + source.rows.reduce<number>((most, row) => Math.max(most, row ?? 0), 0));
    source.rows.forEach((row, i) => {
      const column = i + 1;
      if (row !== null) columns.set([column & 255, (column >> 8) & 255, (column >> 16) & 255, 255], row * 4);
    });
    this.columns = texture(columns);
  }

  /** Index of the first value of the step that holds `time`; -1 outside the period. */
  offset(time: number): number {
    const { start, step, steps, ids } = this.source;
    const index = Math.floor((time - start) / step);
    return index >= 0 && index < steps ? index * ids.length : -1;
  }
}
