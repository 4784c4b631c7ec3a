import { cpSync } from "node:fs";
import { resolve } from "node:path";
import { build, defineConfig, type Plugin } from "vite";

const ENGINE = resolve(import.meta.dirname, "node_modules/@cesium/engine/Source");
/** The engine's workers that this page starts; terrain is the ellipsoid, tiles are decoded in the page. */
const WORKERS = [
  "createVerticesFromHeightmap",
  "upsampleQuantizedTerrainMesh",
  "incrementallyBuildTerrainPicker",
  "transferTypedArrayTest",
];

/** Builds a worker into one file, beside what is there. */
async function whole(entry: string, outDir: string, name: string): Promise<void> {
  await build({
    configFile: false,
    publicDir: false,
    logLevel: "error",
    build: { target: "es2022", outDir, emptyOutDir: false, lib: { entry, formats: ["es"], fileName: () => name } },
  });
}

/** Puts what CesiumJS fetches at run time beside the page, each worker whole: no other host is ever asked. */
function cesiumFiles(): Plugin {
  return {
    name: "cesium-files",
    apply: "build",
    async writeBundle(options) {
      const target = resolve(options.dir ?? "dist", "cesium");
      cpSync(`${ENGINE}/Assets/IAU2006_XYS`, `${target}/Assets/IAU2006_XYS`, { recursive: true });
      cpSync(
        `${ENGINE}/Assets/approximateTerrainHeights.json`,
        `${target}/Assets/approximateTerrainHeights.json`,
      );
      for (const worker of WORKERS) await whole(`${ENGINE}/Workers/${worker}.js`, `${target}/Workers`, `${worker}.js`);
    },
  };
}

/** Puts the service worker beside the page, whose folder is then its scope. */
function serviceWorker(): Plugin {
  return {
    name: "service-worker",
    apply: "build",
    async writeBundle(options) {
      await whole(resolve(import.meta.dirname, "worker/worker.ts"), options.dir ?? "dist", "worker.js");
    },
  };
}

export default defineConfig({
  base: "./",
  plugins: [cesiumFiles(), serviceWorker()],
  build: { target: "es2022", chunkSizeWarningLimit: 6000 },
});
