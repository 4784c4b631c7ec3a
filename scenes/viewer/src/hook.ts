/**
 * `window.jumeau`: what the tests of this page ask it, used by nobody else.
 *
 * `ready` resolves once the scene has been made (or rejects with the sentence shown instead), and
 * `settled()` once everything that the view needs has arrived and been drawn.
 */

import type { CityScene } from "./map/scene";
import type { Store, Thing } from "./state";

declare global {
  interface Window {
    jumeau: Hook;
  }
}

export class Hook {
  readonly ready: Promise<void>;
  private resolve!: () => void;
  private reject!: (reason: Error) => void;
  private scene: CityScene | null = null;

  constructor(private readonly store: Store) {
    this.ready = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.ready.catch(() => {});
    window.jumeau = this;
  }

  /** The scene is there. */
  done(scene: CityScene): void {
    this.scene = scene;
    this.resolve();
  }

  /** There will be no scene. */
  failed(message: string): void {
    this.reject(new Error(message));
  }

  /** Time, layers, selection and language of the page; tiles and layers drawn by the scene. */
  state() {
    const { time, theme, layers, selection, compared, language, measure } = this.store.current;
    const asked = { time: new Date(time).toISOString(), theme, layers: [...layers], selection, compared, language, measure };
    return { ...asked, drawn: this.scene?.report() ?? null };
  }

  async settled(): Promise<void> {
    await this.ready;
    await this.scene?.settled();
  }

  /** The object drawn at a place of the canvas, in CSS pixels. */
  pick(x: number, y: number): Thing | null {
    return this.scene?.pick(x, y) ?? null;
  }

  /** Moves the camera at once. */
  look(longitude: number, latitude: number, height: number, heading = 0, pitch = -45): void {
    this.scene?.camera.set({ longitude, latitude, height, heading, pitch });
  }
}
