/** The mark of the place selected on the ground. */

import { Cartesian3, type PointPrimitive, PointPrimitiveCollection, type Scene, SceneTransforms } from "@cesium/engine";
import type { Place } from "../state";
import { colour, SELECTED } from "./shader";

export class Mark {
  private readonly point: PointPrimitive;

  constructor(private readonly scene: Scene) {
    this.point = scene.primitives.add(new PointPrimitiveCollection()).add({
      show: false,
      pixelSize: 11,
      color: colour(SELECTED),
      outlineColor: colour("#ffffff"),
      outlineWidth: 3,
      // Seen through what stands before it.
      disableDepthTestDistance: Number.POSITIVE_INFINITY,
    });
  }

  show(place: Place | null): void {
    this.point.show = place !== null;
    if (place) this.point.position = Cartesian3.fromDegrees(place.longitude, place.latitude);
    this.scene.requestRender();
  }

  /** Whether the mark is seen within `reach` pixels of a place of the canvas, in CSS pixels. */
  isAt(x: number, y: number, reach: number): boolean {
    const at = this.point.show && SceneTransforms.worldToWindowCoordinates(this.scene, this.point.position);
    return Boolean(at && Math.hypot(at.x - x, at.y - y) <= reach);
  }
}
