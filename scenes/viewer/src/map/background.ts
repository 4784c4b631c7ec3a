/** The ground: fills and lines drawn from vector tiles, by style, onto the globe. */

import { ImageryLayer, Rectangle, UrlTemplateImageryProvider, WebMercatorTilingScheme } from "@cesium/engine";
import { VectorTile, type VectorTileFeature } from "@mapbox/vector-tile";
import { PbfReader } from "pbf";
import type { Box, Collection } from "../catalogue";
import { painter } from "../colours";
import { rfc3339 } from "../time";

const SIZE = 512;
const DEEPEST = 18;
/** Zoom at which a line has the width that its style says. */
const WIDTH_ZOOM = 16;
export const GROUND = "#f3efe6";

type Paint = (context: CanvasRenderingContext2D, tile: VectorTile, zoom: number) => void;

class VectorImagery extends UrlTemplateImageryProvider {
  private readonly paints: Paint[];
  private readonly query: string;

  constructor(collections: Collection[], extent: Box, time: number) {
    super({
      url: "scenes/tiles/{z}/{x}/{y}.mvt",
      tilingScheme: new WebMercatorTilingScheme(),
      rectangle: Rectangle.fromDegrees(...extent),
      tileWidth: SIZE,
      tileHeight: SIZE,
      minimumLevel: coarsest(extent),
      maximumLevel: DEEPEST,
      hasAlphaChannel: false,
    });
    const below = [...collections].sort((a, b) => a.style.order - b.style.order);
    this.paints = below.map(paintOf);
    this.query = new URLSearchParams({
      collections: below.map(({ id }) => id).join(","),
      datetime: rfc3339(time),
    }).toString();
  }

  override async requestImage(x: number, y: number, level: number): Promise<HTMLCanvasElement> {
    const address = new URL(`scenes/tiles/${level}/${x}/${y}.mvt?${this.query}`, document.baseURI);
    const response = await fetch(address);
    if (!response.ok) throw new Error(`${address.pathname}: ${response.status}`);
    const tile = new VectorTile(new PbfReader(await response.arrayBuffer()));
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = SIZE;
    const context = canvas.getContext("2d");
    if (!context) throw new Error("no 2D canvas");
    context.fillStyle = GROUND;
    context.fillRect(0, 0, SIZE, SIZE);
    context.lineJoin = context.lineCap = "round";
    for (const paint of this.paints) paint(context, tile, level);
    return canvas;
  }
}

/** The zoom at which two tiles span the extent: coarser ones would be asked for and never seen. */
function coarsest([west, , east]: Box): number {
  return Math.max(Math.min(Math.floor(Math.log2(360 / (east - west))) + 1, DEEPEST), 0);
}

/** The imagery layer of the fills and lines among `collections`, as they stood at `time`. */
export function backgroundLayer(collections: Collection[], extent: Box, time: number): ImageryLayer {
  return new ImageryLayer(new VectorImagery(collections, extent, time));
}

/** How one collection is painted on a tile: outlines of all lines first, so that crossings stay open. */
function paintOf(collection: Collection): Paint {
  const { id, style } = collection;
  const colourOf = painter(collection);
  return (context, tile, zoom) => {
    const layer = tile.layers[id];
    if (!layer) return;
    const features = Array.from({ length: layer.length }, (_, i) => layer.feature(i)).map((feature) => ({
      path: pathOf(feature, SIZE / layer.extent),
      colour: colourOf(feature.properties),
    }));
    const width = Math.max(style.size * 1.55 ** (zoom - WIDTH_ZOOM), 0.35);
    if (style.symbol === "line") {
      if (style.outline && width > 1.2) {
        context.strokeStyle = style.outline;
        context.lineWidth = width + 1.4;
        for (const { path } of features) context.stroke(path);
      }
      context.lineWidth = width;
      for (const { path, colour } of features) {
        context.strokeStyle = colour;
        context.stroke(path);
      }
      return;
    }
    for (const { path, colour } of features) {
      context.fillStyle = colour;
      context.fill(path, "evenodd");
    }
    if (!style.outline) return;
    context.strokeStyle = style.outline;
    context.lineWidth = Math.max(style.size, 0.5);
    for (const { path } of features) context.stroke(path);
  };
}

function pathOf(feature: VectorTileFeature, scale: number): Path2D {
  const path = new Path2D();
  for (const line of feature.loadGeometry()) {
    for (const [i, { x, y }] of line.entries()) {
      if (i === 0) path.moveTo(x * scale, y * scale);
      else path.lineTo(x * scale, y * scale);
    }
    if (feature.type === 3) path.closePath();
  }
  return path;
}
