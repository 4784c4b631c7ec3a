/** The collections drawn in 3D: one tileset each, whose time, values and selection are uniforms. */

import {
  type Cartesian3,
  type Cesium3DTile,
  Cesium3DTileset,
  type CustomShader,
  type Scene,
} from "@cesium/engine";
import type { Collection } from "../catalogue";
import { dayNumber } from "../time";
import type { ValueTexture } from "./measure";
import { type Knobs, shaderOf, texels, texture } from "./shader";

export class Tiles {
  readonly rows = new Map<string, number>();
  loaded = 0;
  private selected: string | null = null;
  private measure: ValueTexture | null = null;
  private columns = texels(1);

  private constructor(
    readonly collection: Collection,
    readonly tileset: Cesium3DTileset,
    private readonly shader: CustomShader,
    private readonly scene: Scene,
  ) {
    tileset.tileLoad.addEventListener((tile: Cesium3DTile) => this.learn(tile));
  }

  /** Adds the tileset of `collection` to the scene; nothing is fetched while it is hidden. */
  static async add(scene: Scene, collection: Collection, light: Cartesian3, up: Cartesian3): Promise<Tiles> {
    const customShader = shaderOf(collection, light, up);
    const tileset = await Cesium3DTileset.fromUrl(
      new URL(collection.links.tileset ?? "", document.baseURI).href,
      {
        maximumScreenSpaceError: 16,
        cacheBytes: 64 * 2 ** 20,
        environmentMapOptions: { enabled: false },
      },
    );
    tileset.customShader = customShader;
    scene.primitives.add(tileset);
    return new Tiles(collection, tileset, customShader, scene);
  }

  /** Shows the objects that stand at `time`, with the values of that hour. */
  setTime(time: number): void {
    this.tell("u_day", dayNumber(time));
    this.tell("u_step", this.measure?.offset(time) ?? -1);
  }

  /** Colours the objects by a measure, or by their own style when null. */
  setMeasure(measure: ValueTexture | null, time: number): void {
    this.measure = measure?.appliesTo(this.collection.id) ? measure : null;
    if (this.measure) {
      this.shader.setUniform("u_values", this.measure.texture);
      this.columns = texels(1);
      for (const [id, row] of this.rows) this.place(id, row);
      this.shader.setUniform("u_columns", texture(this.columns));
    }
    this.tell("u_measured", this.measure !== null);
    this.setTime(time);
  }

  select(id: string | null): void {
    this.selected = id;
    this.tell("u_selected", id === null ? -1 : (this.rows.get(id) ?? -1));
  }

  /** Learns which row each object of a new tile has: values and selection are found by it. */
  private learn({ content }: Cesium3DTile): void {
    this.loaded++;
    let placed = false;
    for (let i = 0; i < content.featuresLength; i++) {
      const feature = content.getFeature(i);
      const [id, row] = [feature.getProperty("id"), feature.getProperty("row")];
      this.rows.set(id, row);
      if (this.measure) placed = this.place(id, row) || placed;
    }
    if (placed) this.shader.setUniform("u_columns", texture(this.columns));
    if (this.selected !== null) this.select(this.selected);
    this.scene.requestRender();
  }

  /** Writes the column of an object's values at its row, in a texture that grows with the rows seen. */
  private place(id: string, row: number): boolean {
    const column = this.measure?.column(id);
    if (column === undefined) return false;
    if ((row + 1) * 4 > this.columns.length) {
      const wider = texels(Math.max(row + 1, (this.columns.length / 4) * 2));
      wider.set(this.columns);
      this.columns = wider;
    }
    this.columns.set(
      [(column + 1) & 255, ((column + 1) >> 8) & 255, ((column + 1) >> 16) & 255, 255],
      row * 4,
    );
    return true;
  }

  private tell<K extends keyof Knobs>(name: K, value: Knobs[K]): void {
    this.shader.setUniform(name, value);
    this.scene.requestRender();
  }
}
