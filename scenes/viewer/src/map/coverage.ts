/** A coverage drawn as one picture on the ground, whose texture alone changes with time. */

import {
  BlendingState,
  EllipsoidSurfaceAppearance,
  GeometryInstance,
  Material,
  Primitive,
  Rectangle,
  RectangleGeometry,
  type Scene,
  TextureMagnificationFilter,
  TextureMinificationFilter,
} from "@cesium/engine";
import type { Grids } from "../binary";
import { rampOver, spread } from "../colours";
import type { Frame, Maps } from "../maps";

const SHADES = 256;

export class CoveragePicture {
  private primitive: Primitive | null = null;
  private material: Material | null = null;
  private shown: Float32Array | null = null;
  /** By number of columns: whole maps and outlines. */
  private readonly sheets = new Map<number, { picture: ImageData; canvases: HTMLCanvasElement[] }>();
  private shades: Uint32Array | null = null;
  private minimum = 0;
  private scale = 1;

  constructor(
    private readonly scene: Scene,
    private readonly maps: Maps,
  ) {}

  /** Shows the map in force at `time`, and nothing where there is none. */
  show(time: number): void {
    const frame = this.maps.picture(time);
    if (frame && frame.values !== this.shown) this.paint(frame);
    this.shown = frame?.values ?? null;
    if (this.primitive) this.primitive.show = frame !== null;
    this.scene.requestRender();
  }

  remove(): void {
    if (this.primitive) this.scene.primitives.remove(this.primitive);
    this.scene.requestRender();
  }

  private paint({ grids, values }: Frame): void {
    const shades = (this.shades ??= this.coloursOf(grids));
    const { picture, canvases } = this.sheetOf(grids);
    const texels = new Uint32Array(picture.data.buffer);
    const { minimum, scale } = this;
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number;
      // Not-a-number is unlike itself; its texel is clear.
      texels[i] = value === value ? (shades[clamp((value - minimum) * scale)] as number) : 0;
    }
    // A texture is made anew for a canvas unlike the last one: two take turns.
    const next = canvases.shift() as HTMLCanvasElement;
    canvases.push(next);
    next.getContext("2d")?.putImageData(picture, 0, 0);
    if (this.material) this.material.uniforms.image = next;
    else this.lay(grids, next);
    // A material takes its new image in the frame after the one that finds it.
    const stop = this.scene.postRender.addEventListener(() => {
      stop();
      this.scene.requestRender();
    });
  }

  private coloursOf(grids: Grids): Uint32Array {
    const { style } = this.maps.collection;
    const ramp = style.ramp ?? rampOver([grids]);
    this.minimum = ramp.minimum;
    this.scale = (SHADES - 1) / (ramp.maximum - ramp.minimum || 1);
    const opacity = Math.round(style.opacity * 255) << 24;
    return Uint32Array.from(spread(ramp, SHADES), ([r, g, b]) => opacity | (b << 16) | (g << 8) | r);
  }

  private sheetOf({ columns, rows }: Grids) {
    const known = this.sheets.get(columns);
    if (known) return known;
    const canvases = [0, 1].map(() => {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [columns, rows];
      return canvas;
    });
    const sheet = { picture: new ImageData(columns, rows), canvases };
    this.sheets.set(columns, sheet);
    return sheet;
  }

  private lay(grids: Grids, image: HTMLCanvasElement): void {
    this.material = new Material({
      fabric: {
        uniforms: { image },
        source: `uniform sampler2D image;
czm_material czm_getMaterial(czm_materialInput m) {
  czm_material material = czm_getDefaultMaterial(m);
  vec4 colour = texture(image, m.st);
  material.diffuse = colour.rgb;
  material.alpha = colour.a;
  return material;
}`,
      },
      minificationFilter: TextureMinificationFilter.LINEAR,
      magnificationFilter: TextureMagnificationFilter.NEAREST,
    });
    this.primitive = new Primitive({
      geometryInstances: new GeometryInstance({
        geometry: new RectangleGeometry({
          rectangle: Rectangle.fromDegrees(...grids.bbox),
          vertexFormat: EllipsoidSurfaceAppearance.VERTEX_FORMAT,
        }),
      }),
      appearance: new EllipsoidSurfaceAppearance({
        flat: true,
        material: this.material,
        translucent: false,
        // Over the ground, under what stands on it: those hide it by their depth, and it hides nothing.
        renderState: { depthTest: { enabled: true }, depthMask: false, blending: BlendingState.ALPHA_BLEND },
      }),
      asynchronous: false,
      allowPicking: false,
    });
    this.scene.primitives.add(this.primitive);
  }
}

function clamp(shade: number): number {
  return Math.min(Math.max(Math.round(shade), 0), SHADES - 1);
}
