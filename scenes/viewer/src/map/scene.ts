/** The 3D scene: puts together ground, coverages and tilesets, and follows the state of the page. */

import {
  Cartesian2,
  Cartesian3,
  Cesium3DTileFeature,
  Credit,
  CreditDisplay,
  Ellipsoid,
  Globe,
  Matrix4,
  Scene,
  ScreenSpaceEventHandler,
  ScreenSpaceEventType,
  Transforms,
} from "@cesium/engine";
import { type Box, type Catalogue, drawn, mapped } from "../catalogue";
import type { Atlas } from "../maps";
import type { Shown } from "../measure";
import type { Problem } from "../outcome";
import { isPlace, type Store, type Thing, touched, type View } from "../state";
import { GROUND } from "./background";
import { Camera } from "./camera";
import { Ground } from "./ground";
import { Labels } from "./labels";
import { Mark } from "./mark";
import { colour } from "./shader";
import { Tiles } from "./tilesets";
import { ValueTexture } from "./values";

const SKY = "#e4e9ea";
/** Pixels around a touch in which a point is found. */
const TOUCH = 14;
const KEYS: Record<string, Parameters<Camera["move"]>[0]> = {
  ArrowLeft: "left",
  ArrowRight: "right",
  ArrowUp: "up",
  ArrowDown: "down",
  "+": "zoomIn",
  "=": "zoomIn",
  "-": "zoomOut",
  PageUp: "tiltUp",
  PageDown: "tiltDown",
  "[": "turnLeft",
  "]": "turnRight",
};

export class CityScene {
  readonly camera: Camera;
  private readonly scene: Scene;
  private readonly tiles = new Map<string, Tiles>();
  private readonly ground: Ground;
  private readonly mark: Mark;
  private readonly extent: Box;
  private measured = false;
  /** The last view that the person moved to, which needs no move. */
  private view: View | null = null;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    labels: HTMLElement,
    private readonly catalogue: Catalogue,
    private readonly store: Store,
    private readonly atlas: Atlas,
    private readonly fail: (problem: Problem) => void,
  ) {
    this.extent = catalogue.extent ?? [-5, 41, 10, 51.5];
    // The engine's default credit is a picture of a company's service that is not used here.
    CreditDisplay.cesiumCredit = new Credit("CesiumJS");
    this.scene = new Scene({
      canvas,
      creditContainer: document.createElement("div"),
      contextOptions: { webgl: { alpha: false, powerPreference: "high-performance" } },
      requestRenderMode: true,
      maximumRenderTimeChange: Infinity,
      scene3DOnly: true,
      msaaSamples: drawnBySoftware() ? 1 : 4,
    });
    const { scene } = this;
    scene.globe = new Globe(Ellipsoid.WGS84);
    scene.globe.baseColor = colour(GROUND);
    scene.globe.showGroundAtmosphere = false;
    scene.globe.showWaterEffect = false;
    scene.globe.enableLighting = false;
    scene.globe.preloadAncestors = false;
    scene.globe.maximumScreenSpaceError = 2.5;
    scene.fog.enabled = false;
    scene.backgroundColor = colour(SKY);
    scene.highDynamicRange = false;
    this.ground = new Ground(scene, catalogue, this.extent, atlas);
    this.camera = new Camera(scene, this.extent);
    this.mark = new Mark(scene);
    new Labels(scene, labels, catalogue, store);
    this.follow();
    this.listen();
  }

  /** Begins to draw; the pictures arrive in their time. */
  start(): void {
    const { view } = this.store.current;
    if (view) this.camera.set(view);
    else this.camera.home(false);
    const [west, south, east, north] = this.extent;
    const frame = Transforms.eastNorthUpToFixedFrame(
      Cartesian3.fromDegrees((west + east) / 2, (south + north) / 2),
    );
    const direction = (x: number, y: number, z: number) =>
      Cartesian3.normalize(
        Matrix4.multiplyByPointAsVector(frame, new Cartesian3(x, y, z), new Cartesian3()),
        new Cartesian3(),
      );
    const [light, up] = [direction(-0.75, -0.45, 0.5), direction(0, 0, 1)];
    for (const collection of drawn(this.catalogue).filter(({ links }) => links.tileset))
      this.tiles.set(collection.id, new Tiles(this.scene, collection, light, up, this.fail));
    this.store.watch(["layers"], ({ layers }) => {
      for (const [id, tiles] of this.tiles) tiles.show(layers.has(id));
    });
    this.store.watch(["time"], ({ time }) => {
      for (const tiles of this.tiles.values()) tiles.setTime(time);
    });
    const showGround = () => this.ground.show(this.store.current.layers, this.store.current.time);
    this.store.watch(["layers", "time"], showGround);
    this.atlas.watch(showGround);
    this.store.watch(["view"], ({ view }) => {
      if (view && view !== this.view) this.camera.set(view);
    });
    this.store.watch(["selection"], ({ selection }) => {
      const [place, thing] = isPlace(selection) ? [selection, null] : [null, selection];
      this.mark.show(place);
      for (const [id, tiles] of this.tiles) tiles.select(thing?.collection === id ? thing.id : null);
    });
  }

  /** Colours the objects of each collection by its values of a measure, the others by their own style. */
  setMeasure(shown: Shown | null): void {
    this.measured = shown !== null;
    for (const [id, tiles] of this.tiles) {
      const values = shown?.values.get(id);
      tiles.setMeasure(
        shown && values ? new ValueTexture(values, shown.ramp) : null,
        this.store.current.time,
      );
    }
  }

  /** The object drawn at a place of the canvas, in CSS pixels; a measured one is found first. */
  pick(x: number, y: number): Thing | null {
    const place = new Cartesian2(x, y);
    const near = this.thing(this.scene.pick(place, TOUCH, TOUCH));
    // Where the ground answers too, what is wider than a point must be touched itself.
    return near && this.mapped && this.tiles.get(near.collection)?.wide ? this.thing(this.scene.pick(place)) : near;
  }

  /** Whether some map is shown, which the ground can be touched to read. */
  private get mapped(): boolean {
    const { theme, layers } = this.store.current;
    return mapped(this.catalogue, theme, layers).length > 0;
  }

  private thing(found: unknown): Thing | null {
    if (!(found instanceof Cesium3DTileFeature)) return null;
    const tiles = [...this.tiles.values()].find((one) => one.holds(found.tileset));
    return tiles ? { collection: tiles.collection.id, id: String(found.getProperty("id")) } : null;
  }

  /** Selects what is touched: an object, else the ground where a map is shown; a touch of the mark takes it away. */
  private touch(x: number, y: number): void {
    const asks = this.mapped && !this.mark.isAt(x, y, TOUCH);
    this.store.set(touched(this.store.current, this.pick(x, y) ?? (asks ? this.camera.ground(x, y) : null)));
  }

  /** What is drawn now, for tests. */
  report() {
    return {
      tiles: [...this.tiles.values()].reduce((sum, { loaded }) => sum + loaded, 0),
      layers: [...[...this.tiles].filter(([, { shown }]) => shown).map(([id]) => id), ...this.ground.shown],
      measured: this.measured,
      settled:
        !this.ground.waiting &&
        this.scene.globe.tilesLoaded &&
        [...this.tiles.values()].every(({ settled }) => settled),
    };
  }

  /** Resolves once everything that the view needs has arrived and been drawn. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      let quiet = 0;
      const remove = this.scene.postRender.addEventListener(() => {
        quiet = this.report().settled ? quiet + 1 : 0;
        if (quiet < 3) this.scene.requestRender();
        else {
          remove();
          resolve();
        }
      });
      this.scene.requestRender();
    });
  }

  /** Renders when there is something new, at the size of the canvas. */
  private follow(): void {
    const { canvas, scene } = this;
    const fit = () => {
      const ratio = Math.min(window.devicePixelRatio, 2);
      scene.pixelRatio = ratio;
      canvas.width = Math.max(Math.round(canvas.clientWidth * ratio), 1);
      canvas.height = Math.max(Math.round(canvas.clientHeight * ratio), 1);
      const { frustum } = scene.camera;
      if ("aspectRatio" in frustum) frustum.aspectRatio = canvas.width / canvas.height;
      scene.requestRender();
    };
    new ResizeObserver(fit).observe(canvas);
    fit();
    const frame = () => {
      scene.initializeFrame();
      scene.render();
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    scene.camera.moveEnd.addEventListener(() => {
      this.view = this.camera.view();
      this.store.set({ view: this.view });
    });
  }

  private listen(): void {
    const { canvas, scene } = this;
    const handler = new ScreenSpaceEventHandler(canvas);
    handler.setInputAction(({ position }: ScreenSpaceEventHandler.PositionedEvent) => {
      this.touch(position.x, position.y);
    }, ScreenSpaceEventType.LEFT_CLICK);
    handler.setInputAction(({ endPosition }: ScreenSpaceEventHandler.MotionEvent) => {
      canvas.style.cursor = scene.pick(endPosition, 5, 5) instanceof Cesium3DTileFeature ? "pointer" : "grab";
    }, ScreenSpaceEventType.MOUSE_MOVE);
    canvas.addEventListener("keydown", (event) => {
      const movement = KEYS[event.key];
      if (movement) this.camera.move(movement);
      else if (event.key === "Home") this.camera.home();
      else if (event.key === "Enter") this.touch(canvas.clientWidth / 2, canvas.clientHeight / 2);
      else return;
      event.preventDefault();
    });
  }
}

/** Whether the processor draws in place of a graphics card: it pays for every sample of a pixel. */
function drawnBySoftware(): boolean {
  const context = document.createElement("canvas").getContext("webgl2");
  const names = context?.getExtension("WEBGL_debug_renderer_info");
  const renderer = names ? context?.getParameter(names.UNMASKED_RENDERER_WEBGL) : "";
  return /swiftshader|llvmpipe|software|basic render/i.test(String(renderer));
}
