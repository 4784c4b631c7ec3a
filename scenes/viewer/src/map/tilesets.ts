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
import { type Knobs, shaderOf } from "./shader";

export class Tiles {
  private readonly rows = new Map<string, number>();
  loaded = 0;
  private selected: string | null = null;
  private measure: ValueTexture | null = null;

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
    this.measure = measure;
    if (measure) {
      this.shader.setUniform("u_values", measure.values);
      this.shader.setUniform("u_columns", measure.columns);
    }
    this.tell("u_measured", measure !== null);
    this.setTime(time);
  }

  select(id: string | null): void {
    this.selected = id;
    this.tell("u_selected", id === null ? -1 : (this.rows.get(id) ?? -1));
  }

  /** Learns which row each object of a new tile has: the selection is found by it. */
  private learn({ content }: Cesium3DTile): void {
    this.loaded++;
    for (let i = 0; i < content.featuresLength; i++) {
      const feature = content.getFeature(i);
      this.rows.set(feature.getProperty("id"), feature.getProperty("row"));
    }
    if (this.selected !== null) this.select(this.selected);
    this.scene.requestRender();
  }

  private tell<K extends keyof Knobs>(name: K, value: Knobs[K]): void {
    this.shader.setUniform(name, value);
    this.scene.requestRender();
  }
}
