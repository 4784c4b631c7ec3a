/** Members of CesiumJS that its own widget uses and its type declarations leave out. */

import "@cesium/engine";

declare module "@cesium/engine" {
  namespace CreditDisplay {
    /** What the engine credits itself with. */
    let cesiumCredit: Credit;
  }
  interface Scene {
    /** Device pixels in a CSS pixel. */
    pixelRatio: number;
    /** Prepares a frame; to be called before each `render`. */
    initializeFrame(): void;
  }
}
