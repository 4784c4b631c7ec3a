/** Names of areas written over the model: of collections of few areas that are drawn by their boundary. */

import { Cartesian3, type Scene, SceneTransforms } from "@cesium/engine";
import { type Catalogue, type Collection, drawn } from "../catalogue";
import { h } from "../dom";
import { loadPage, middleOf, nameOf } from "../items";
import type { Store } from "../state";

const MOST = 60;

export class Labels {
  private readonly labels: { collection: string; element: HTMLElement; place: Cartesian3 }[] = [];

  /** Writes into `root`, which lies over the canvas of the scene. */
  constructor(
    private readonly scene: Scene,
    private readonly root: HTMLElement,
    catalogue: Catalogue,
    private readonly store: Store,
  ) {
    for (const collection of drawn(catalogue).filter(isOfAreas)) void this.read(collection);
    scene.postRender.addEventListener(() => this.place());
  }

  private async read(collection: Collection): Promise<void> {
    const answer = await loadPage(collection, this.store.current.time, 0, MOST);
    if (!answer.ok) return;
    for (const item of answer.value.items) {
      const middle = middleOf(item);
      if (!middle) continue;
      const element = h("span", {}, nameOf(collection, item));
      this.root.append(element);
      this.labels.push({ collection: collection.id, element, place: Cartesian3.fromDegrees(...middle) });
    }
    this.scene.requestRender();
  }

  private place(): void {
    const { layers } = this.store.current;
    for (const { collection, element, place } of this.labels) {
      const at = layers.has(collection)
        ? SceneTransforms.worldToWindowCoordinates(this.scene, place)
        : undefined;
      element.hidden = !at;
      if (at)
        element.style.transform = `translate(${at.x.toFixed(1)}px, ${at.y.toFixed(1)}px) translate(-50%, -50%)`;
    }
  }
}

function isOfAreas({ style, links, geometry, count }: Collection): boolean {
  const area = geometry === "Polygon" || geometry === "MultiPolygon";
  return Boolean(style.symbol === "line" && area && style.label && links.items && count <= MOST);
}
