/** The 3D scene: puts together ground, coverages and tilesets, and follows the state of the page. */

import {
  Cartesian2,
  Cartesian3,
  Cesium3DTileFeature,
  Credit,
  CreditDisplay,
  Ellipsoid,
  Globe,
  type ImageryLayer,
  Matrix4,
  Scene,
  ScreenSpaceEventHandler,
  ScreenSpaceEventType,
  Transforms,
} from "@cesium/engine";
import type { Values } from "../binary";
import { type Box, type Catalogue, type Collection, drawn, find, type Ramp } from "../catalogue";
import type { Problem } from "../outcome";
import type { Selection, State, Store } from "../state";
import { backgroundLayer, GROUND } from "./background";
import { Camera } from "./camera";
import { coverageLayer } from "./coverage";
import { ValueTexture } from "./measure";
import { colour } from "./shader";
import { Tiles } from "./tilesets";

const SKY = "#e4e9ea";
/** Pixels around a touch in which an object is found. */
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

interface Coverage {
  layer: ImageryLayer;
  times: number[];
  shown: number;
}

export class CityScene {
  readonly camera: Camera;
  private readonly scene: Scene;
  private readonly tiles = new Map<string, Tiles>();
  private readonly coverages = new Map<string, Coverage | null>();
  private readonly extent: Box;
  private background: { layer: ImageryLayer; key: string } | null = null;
  private measured = false;
  private waiting = 0;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly catalogue: Catalogue,
    private readonly store: Store,
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
      msaaSamples: navigator.webdriver ? 1 : 4,
    });
    const { scene } = this;
    scene.globe = new Globe(Ellipsoid.WGS84);
    scene.globe.baseColor = colour(GROUND);
    scene.globe.showGroundAtmosphere = false;
    scene.globe.showWaterEffect = false;
    scene.globe.enableLighting = false;
    scene.globe.preloadAncestors = false;
    scene.fog.enabled = false;
    scene.backgroundColor = colour(SKY);
    scene.highDynamicRange = false;
    this.camera = new Camera(scene, this.extent);
    this.follow();
    this.listen();
  }

  /** Adds what is drawn, then resolves; the pictures themselves go on arriving. */
  async start(): Promise<void> {
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
    await Promise.all(
      drawn(this.catalogue)
        .filter(({ links }) => links.tileset)
        .map(async (collection) => {
          try {
            this.tiles.set(collection.id, await Tiles.add(this.scene, collection, light, up));
          } catch {
            this.fail({
              status: 0,
              message: {
                fr: `La couche « ${collection.title.fr} » n'a pas pu être dessinée.`,
                en: `The layer “${collection.title.en}” could not be drawn.`,
              },
            });
          }
        }),
    );
    this.store.watch(["layers"], (state) => this.showLayers(state));
    this.store.watch(["time"], (state) => this.showTime(state));
    this.store.watch(["selection"], ({ selection }) => {
      for (const [id, tiles] of this.tiles) tiles.select(selection?.collection === id ? selection.id : null);
    });
  }

  /** Colours the objects of each collection by its values of a measure, the others by their own style. */
  setMeasure(values: ReadonlyMap<string, Values>, ramp: Ramp | null): void {
    this.measured = values.size > 0;
    for (const [id, tiles] of this.tiles) {
      const known = values.get(id);
      tiles.setMeasure(known && ramp ? new ValueTexture(known, ramp) : null, this.store.current.time);
    }
  }

  /** The object drawn at a place of the canvas, in CSS pixels; a measured one is found first. */
  pick(x: number, y: number): Selection | null {
    const found: unknown = this.scene.pick(new Cartesian2(x, y), TOUCH, TOUCH);
    if (!(found instanceof Cesium3DTileFeature)) return null;
    const tiles = [...this.tiles.values()].find(({ tileset }) => tileset === found.tileset);
    return tiles ? { collection: tiles.collection.id, id: String(found.getProperty("id")) } : null;
  }

  /** What is drawn now, for tests. */
  report() {
    return {
      tiles: [...this.tiles.values()].reduce((sum, { loaded }) => sum + loaded, 0),
      layers: [
        ...[...this.tiles].filter(([, { tileset }]) => tileset.show).map(([id]) => id),
        ...[...this.coverages.keys()],
        ...(this.background?.key.split("|")[0]?.split(",").filter(Boolean) ?? []),
      ],
      measured: this.measured,
      settled:
        this.waiting === 0 &&
        this.scene.globe.tilesLoaded &&
        [...this.tiles.values()].every(({ tileset }) => !tileset.show || tileset.tilesLoaded),
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

  private showLayers({ layers, time }: State): void {
    for (const [id, { tileset }] of this.tiles) tileset.show = layers.has(id);
    this.showGround(layers, time);
    for (const collection of drawn(this.catalogue).filter(({ links }) => links.grid)) {
      if (layers.has(collection.id)) void this.showCoverage(collection, time);
      else this.removeCoverage(collection.id);
    }
    this.scene.requestRender();
  }

  private showTime({ layers, time }: State): void {
    for (const tiles of this.tiles.values()) tiles.setTime(time);
    this.showGround(layers, time);
    for (const [id, coverage] of this.coverages) {
      const collection = find(this.catalogue, id);
      if (collection && coverage && lastBefore(coverage.times, time) !== coverage.shown)
        void this.showCoverage(collection, time);
    }
  }

  /** Draws the ground again when its layers change, or when time crosses a change of one of them. */
  private showGround(layers: ReadonlySet<string>, time: number): void {
    const shown = drawn(this.catalogue).filter(({ id, links }) => links.tiles && layers.has(id));
    const changes = shown.flatMap(({ changes }) => changes?.map((text) => Date.parse(text)) ?? []);
    const key = `${shown.map(({ id }) => id).join(",")}|${lastBefore(changes, time)}`;
    if (this.background?.key === key) return;
    const { imageryLayers } = this.scene;
    const former = this.background?.layer;
    const layer = backgroundLayer(shown, this.extent, time);
    imageryLayers.add(layer, 0);
    if (former) imageryLayers.remove(former);
    this.background = { layer, key };
    this.scene.requestRender();
  }

  private async showCoverage(collection: Collection, time: number): Promise<void> {
    const former = this.coverages.get(collection.id);
    if (!former) this.coverages.set(collection.id, null);
    this.waiting++;
    const answer = await coverageLayer(collection, time);
    this.waiting--;
    if (!answer.ok) {
      this.fail(answer.problem);
      return;
    }
    if (!this.store.current.layers.has(collection.id)) return;
    this.removeCoverage(collection.id);
    const { layer, times } = answer.value;
    this.scene.imageryLayers.add(layer);
    this.coverages.set(collection.id, { layer, times, shown: lastBefore(times, time) });
    this.scene.requestRender();
  }

  private removeCoverage(id: string): void {
    const coverage = this.coverages.get(id);
    if (coverage) this.scene.imageryLayers.remove(coverage.layer);
    this.coverages.delete(id);
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
    scene.camera.moveEnd.addEventListener(() => this.store.set({ view: this.camera.view() }));
  }

  private listen(): void {
    const { canvas, scene, store } = this;
    const handler = new ScreenSpaceEventHandler(canvas);
    handler.setInputAction(({ position }: ScreenSpaceEventHandler.PositionedEvent) => {
      store.set({ selection: this.pick(position.x, position.y) });
    }, ScreenSpaceEventType.LEFT_CLICK);
    handler.setInputAction(({ endPosition }: ScreenSpaceEventHandler.MotionEvent) => {
      canvas.style.cursor = scene.pick(endPosition, 5, 5) instanceof Cesium3DTileFeature ? "pointer" : "grab";
    }, ScreenSpaceEventType.MOUSE_MOVE);
    canvas.addEventListener("keydown", (event) => {
      const movement = KEYS[event.key];
      if (movement) this.camera.move(movement);
      else if (event.key === "Home") this.camera.home();
      else if (event.key === "Enter")
        store.set({ selection: this.pick(canvas.clientWidth / 2, canvas.clientHeight / 2) });
      else return;
      event.preventDefault();
    });
  }
}

/** The last of some instants not after `time`; -Infinity when there is none. */
function lastBefore(instants: number[], time: number): number {
  return Math.max(...instants.filter((instant) => instant <= time), -Infinity);
}
