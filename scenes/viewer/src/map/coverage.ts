/** Coverages: a grid of values coloured along its ramp, as one picture on the ground. */

import {
  GeographicTilingScheme,
  ImageryLayer,
  Rectangle,
  TextureMagnificationFilter,
  UrlTemplateImageryProvider,
} from "@cesium/engine";
import { type Grid, loadGrid } from "../binary";
import type { Collection } from "../catalogue";
import { type Rgb, rampOver, spread } from "../colours";
import type { Outcome } from "../outcome";
import { rfc3339 } from "../time";

const SHADES = 256;

class GridImagery extends UrlTemplateImageryProvider {
  constructor(
    private readonly canvas: HTMLCanvasElement,
    rectangle: Rectangle,
  ) {
    super({
      url: "scenes/grids",
      tilingScheme: new GeographicTilingScheme({
        rectangle,
        numberOfLevelZeroTilesX: 1,
        numberOfLevelZeroTilesY: 1,
      }),
      rectangle,
      tileWidth: canvas.width,
      tileHeight: canvas.height,
      maximumLevel: 0,
    });
  }

  override async requestImage(): Promise<HTMLCanvasElement> {
    return this.canvas;
  }
}

/** Reads the map of a coverage nearest to `time`, ready to be laid on the globe. */
export async function coverageLayer(
  collection: Collection,
  time: number,
): Promise<Outcome<{ layer: ImageryLayer; times: number[] }>> {
  const property = collection.style.colour_by ?? collection.observed_properties[0]?.name ?? "";
  const address = (collection.links.grid ?? "").replace("{property}", property);
  const answer = await loadGrid(`${address}?datetime=${encodeURIComponent(rfc3339(time))}`);
  if (!answer.ok) return answer;
  const grid = answer.value;
  const layer = new ImageryLayer(
    new GridImagery(paint(collection, grid), framed(grid)),
    {
      alpha: collection.style.opacity,
      magnificationFilter: TextureMagnificationFilter.NEAREST,
    },
  );
  return { ok: true, value: { layer, times: grid.times.map((text) => Date.parse(text)) } };
}

/** The box of a grid and of the empty cell around it: Cesium stretches the edge of a picture to the horizon. */
function framed({ bbox: [west, south, east, north], columns, rows }: Grid): Rectangle {
  const [wide, high] = [(east - west) / columns, (north - south) / rows];
  return Rectangle.fromDegrees(west - wide, south - high, east + wide, north + high);
}

/** A grid as a picture, one pixel a cell, with an empty one around. */
function paint({ style }: Collection, grid: Grid): HTMLCanvasElement {
  const ramp = style.ramp ?? rampOver([grid]);
  const shades = spread(ramp, SHADES);
  const canvas = document.createElement("canvas");
  canvas.width = grid.columns + 2;
  canvas.height = grid.rows + 2;
  const picture = new ImageData(grid.columns, grid.rows);
  const scale = (SHADES - 1) / (ramp.maximum - ramp.minimum || 1);
  grid.data.forEach((value, i) => {
    if (Number.isNaN(value)) return;
    const shade = Math.min(Math.max(Math.round((value - ramp.minimum) * scale), 0), SHADES - 1);
    picture.data.set([...(shades[shade] as Rgb), 255], i * 4);
  });
  canvas.getContext("2d")?.putImageData(picture, 1, 1);
  return canvas;
}
