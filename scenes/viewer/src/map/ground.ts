/** What lies on the ground: one background of fills and lines, and a picture for each coverage shown. */

import type { ImageryLayer, Scene } from "@cesium/engine";
import { type Box, type Catalogue, type Collection, drawn } from "../catalogue";
import type { Atlas } from "../maps";
import { DAY } from "../time";
import { backgroundLayer } from "./background";
import { CoveragePicture } from "./coverage";

/** Milliseconds that time must stand still before the background is drawn again. */
const PAUSE = 120;

export class Ground {
  private background: { layer: ImageryLayer; ids: string[]; key: string } | null = null;
  private due = 0;
  private readonly changes: Map<string, number[]>;
  private readonly pictures = new Map<string, CoveragePicture>();

  constructor(
    private readonly scene: Scene,
    private readonly catalogue: Catalogue,
    private readonly extent: Box,
    private readonly atlas: Atlas,
  ) {
    this.changes = new Map(
      catalogue.collections.flatMap(({ id, changes }) =>
        changes ? [[id, changes.map((text) => Date.parse(text))]] : [],
      ),
    );
  }

  /** Shows the collections of `layers` as they stood at `time`; what has not changed is left alone. */
  show(layers: ReadonlySet<string>, time: number): void {
    const all = drawn(this.catalogue);
    this.showBackground(
      all.filter(({ id, links }) => links.tiles && layers.has(id)),
      time,
    );
    for (const collection of all.filter(({ links }) => links.grid)) {
      if (layers.has(collection.id)) this.showCoverage(collection, time);
      else this.remove(collection.id);
    }
  }

  /** Whether something is still to be asked for or to come. */
  get waiting(): boolean {
    return this.due !== 0 || this.atlas.waiting;
  }

  /** Ids of what is shown. */
  get shown(): string[] {
    return [...this.pictures.keys(), ...(this.background?.ids ?? [])];
  }

  /** Draws the background again when its layers change, or when time has crossed a change of one of them. */
  private showBackground(collections: Collection[], time: number): void {
    const ids = collections.map(({ id }) => id);
    const key = `${ids}|${ids.map((id) => this.lastChange(id, time))}`;
    window.clearTimeout(this.due);
    this.due = 0;
    if (this.background?.key === key || (ids.length === 0 && !this.background)) return;
    const draw = () => {
      this.due = 0;
      this.drawBackground(collections, time, key);
    };
    if (this.background?.ids.join() === ids.join()) this.due = window.setTimeout(draw, PAUSE);
    else draw();
  }

  private drawBackground(collections: Collection[], time: number, key: string): void {
    const { imageryLayers } = this.scene;
    const former = this.background?.layer;
    this.scene.requestRender();
    if (collections.length === 0) {
      if (former) imageryLayers.remove(former);
      this.background = null;
      return;
    }
    const layer = backgroundLayer(collections, this.extent, time);
    imageryLayers.add(layer, 0);
    if (former) this.retire(former);
    this.background = { layer, ids: collections.map(({ id }) => id), key };
  }

  /** Takes a layer away once what lies under it has come, so that the ground is never bare. */
  private retire(layer: ImageryLayer): void {
    const { globe, imageryLayers } = this.scene;
    const stop = globe.tileLoadProgressEvent.addEventListener((left: number) => {
      if (left > 0) return;
      stop();
      imageryLayers.remove(layer);
      this.scene.requestRender();
    });
  }

  /** When a collection last changed before `time`: the day, where its changes are not listed. */
  private lastChange(id: string, time: number): number {
    const known = this.changes.get(id);
    return known ? (known.findLast((instant) => instant <= time) ?? -Infinity) : Math.floor(time / DAY);
  }

  private showCoverage(collection: Collection, time: number): void {
    let picture = this.pictures.get(collection.id);
    if (!picture) {
      picture = new CoveragePicture(this.scene, this.atlas.of(collection));
      this.pictures.set(collection.id, picture);
    }
    picture.show(time);
  }

  private remove(id: string): void {
    this.pictures.get(id)?.remove();
    this.pictures.delete(id);
  }
}
