/** What lies on the ground: one background of fills and lines, and a picture for each coverage shown. */

import type { ImageryLayer, Scene } from "@cesium/engine";
import { type Box, type Catalogue, type Collection, drawn } from "../catalogue";
import type { Problem } from "../outcome";
import { DAY } from "../time";
import { backgroundLayer } from "./background";
import { coverageLayer } from "./coverage";

/** A coverage asked for; its layer and the instants of its maps once they have come. */
interface Coverage {
  asked: number;
  layer?: ImageryLayer;
  times?: number[];
}

export class Ground {
  /** Pictures asked for and not yet come. */
  waiting = 0;
  private time = 0;
  private background: { layer: ImageryLayer; ids: string[]; key: string } | null = null;
  private readonly changes: Map<string, number[]>;
  private readonly coverages = new Map<string, Coverage>();

  constructor(
    private readonly scene: Scene,
    private readonly catalogue: Catalogue,
    private readonly extent: Box,
    private readonly fail: (problem: Problem) => void,
  ) {
    this.changes = new Map(
      catalogue.collections.flatMap(({ id, changes }) =>
        changes ? [[id, changes.map((text) => Date.parse(text))]] : [],
      ),
    );
  }

  /** Shows the collections of `layers` as they stood at `time`; what has not changed is left alone. */
  show(layers: ReadonlySet<string>, time: number): void {
    this.time = time;
    const all = drawn(this.catalogue);
    this.showBackground(
      all.filter(({ id, links }) => links.tiles && layers.has(id)),
      time,
    );
    for (const collection of all.filter(({ links }) => links.grid)) {
      if (layers.has(collection.id)) void this.showCoverage(collection, time);
      else this.remove(collection.id);
    }
  }

  /** Ids of what is shown. */
  get shown(): string[] {
    return [...this.coverages.keys(), ...(this.background?.ids ?? [])];
  }

  /** Draws the background again when its layers change, or when time crosses a change of one of them. */
  private showBackground(collections: Collection[], time: number): void {
    const ids = collections.map(({ id }) => id);
    const key = `${ids}|${ids.map((id) => this.lastChange(id, time))}`;
    if (this.background?.key === key || (ids.length === 0 && !this.background)) return;
    const { imageryLayers } = this.scene;
    const former = this.background?.layer;
    if (ids.length === 0) {
      if (former) imageryLayers.remove(former);
      this.background = null;
      this.scene.requestRender();
      return;
    }
    const layer = backgroundLayer(collections, this.extent, time);
    imageryLayers.add(layer, 0);
    if (former) this.retire(former);
    this.background = { layer, ids, key };
    this.scene.requestRender();
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
    return known ? lastBefore(known, time) : Math.floor(time / DAY);
  }

  private async showCoverage(collection: Collection, time: number): Promise<void> {
    const { id } = collection;
    const former = this.coverages.get(id);
    if (
      former &&
      (!former.times || lastBefore(former.times, time) === lastBefore(former.times, former.asked))
    )
      return;
    const coverage: Coverage = { asked: time };
    this.coverages.set(id, coverage);
    this.waiting++;
    const answer = await coverageLayer(collection, time);
    this.waiting--;
    if (former?.layer) this.scene.imageryLayers.remove(former.layer);
    if (this.coverages.get(id) !== coverage) return;
    if (!answer.ok) {
      this.fail(answer.problem);
      return;
    }
    Object.assign(coverage, answer.value);
    this.scene.imageryLayers.add(answer.value.layer);
    this.scene.requestRender();
    await this.showCoverage(collection, this.time);
  }

  private remove(id: string): void {
    const coverage = this.coverages.get(id);
    if (coverage?.layer) this.scene.imageryLayers.remove(coverage.layer);
    this.coverages.delete(id);
    this.scene.requestRender();
  }
}

/** The last of some ascending instants not after `time`; -Infinity when there is none. */
function lastBefore(instants: number[], time: number): number {
  return instants.findLast((instant) => instant <= time) ?? -Infinity;
}
