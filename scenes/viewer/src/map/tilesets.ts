/** The collections drawn in 3D: one tileset each, whose time, values and selection are uniforms. */

import {
  type Cartesian3,
  type Cesium3DTile,
  Cesium3DTileset,
  type CustomShader,
  type Scene,
} from "@cesium/engine";
import type { Collection } from "../catalogue";
import type { Problem } from "../outcome";
import { dayNumber } from "../time";
import { type Knobs, shaderOf } from "./shader";
import type { ValueTexture } from "./values";

/** Pixels that the largest object left out may measure. */
const ERROR = 48;

export class Tiles {
  /** Tiles that have come since the page was opened. */
  loaded = 0;
  private tileset: Cesium3DTileset | null = null;
  private asked = false;
  private visible = false;
  private readonly shader: CustomShader;
  private readonly rows = new Map<string, number>();
  private selected: string | null = null;
  private measure: ValueTexture | null = null;

  /** `light` and `up` are directions in ECEF. */
  constructor(
    private readonly scene: Scene,
    readonly collection: Collection,
    light: Cartesian3,
    up: Cartesian3,
    private readonly fail: (problem: Problem) => void,
  ) {
    this.shader = shaderOf(collection, light, up);
  }

  /** Shows or hides the objects; nothing is fetched before they are first shown. */
  show(visible: boolean): void {
    this.visible = visible;
    if (this.tileset) this.tileset.show = visible;
    else if (visible && !this.asked) void this.open();
    this.scene.requestRender();
  }

  /** Whether the objects have a breadth. */
  get wide(): boolean {
    return this.collection.style.symbol !== "point";
  }

  get shown(): boolean {
    return this.visible;
  }

  /** Whether nothing that the view needs is still to come. */
  get settled(): boolean {
    return !this.visible || this.tileset?.tilesLoaded === true;
  }

  holds(tileset: Cesium3DTileset): boolean {
    return this.tileset === tileset;
  }

  private async open(): Promise<void> {
    this.asked = true;
    try {
      const address = new URL(this.collection.links.tileset ?? "", document.baseURI).href;
      const tileset = await Cesium3DTileset.fromUrl(address, {
        maximumScreenSpaceError: ERROR,
        cacheBytes: 64 * 2 ** 20,
        environmentMapOptions: { enabled: false },
        show: this.visible,
      });
      tileset.customShader = this.shader;
      tileset.tileLoad.addEventListener((tile: Cesium3DTile) => this.learn(tile));
      this.tileset = tileset;
      this.scene.primitives.add(tileset);
      this.scene.requestRender();
    } catch {
      this.visible = this.asked = false;
      const { fr, en } = this.collection.title;
      this.fail({
        status: 0,
        message: {
          fr: `La couche « ${fr} » n'a pas pu être dessinée. Décochez-la et cochez-la pour réessayer.`,
          en: `The layer “${en}” could not be drawn. Untick it and tick it again to retry.`,
        },
      });
    }
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
