/** The values of one measure as a texture: made once, after which an hour costs one number. */

import type { TextureUniform } from "@cesium/engine";
import type { Values } from "../binary";
import type { Measure, Ramp } from "../catalogue";
import { type Rgb, spread } from "../colours";
import { texels, texture } from "./shader";

const SHADES = 256;

export class ValueTexture {
  readonly texture: TextureUniform;
  private readonly columns: Map<string, number>;

  constructor(
    private readonly measure: Measure,
    private readonly values: Values,
    ramp: Ramp,
  ) {
    this.columns = new Map(values.ids.map((id, column) => [id, column]));
    const shades = spread(ramp, SHADES);
    const scale = (SHADES - 1) / (ramp.maximum - ramp.minimum || 1);
    const data = texels(values.data.length);
    values.data.forEach((value, i) => {
      if (Number.isNaN(value)) return;
      const shade = Math.min(Math.max(Math.round((value - ramp.minimum) * scale), 0), SHADES - 1);
      const [r, g, b] = shades[shade] as Rgb;
      data.set([r, g, b, 255], i * 4);
    });
    this.texture = texture(data);
  }

  /** Whether the objects of a collection can have this measure. */
  appliesTo(collection: string): boolean {
    return (this.measure.collection.objects?.[collection] ?? []).includes(this.measure.property.name);
  }

  column(id: string): number | undefined {
    return this.columns.get(id);
  }

  /** Index of the first value of the step that holds `time`; -1 outside the period. */
  offset(time: number): number {
    const step = Math.floor((time - this.values.start) / this.values.step);
    return step >= 0 && step < this.values.steps ? step * this.values.ids.length : -1;
  }
}
