import { cpSync } from "node:fs";
import { resolve } from "node:path";
import { defineConfig, type Plugin } from "vite";

const ENGINE = resolve(import.meta.dirname, "node_modules/@cesium/engine");

/** Copies what CesiumJS fetches at run time beside the page, so that no other host is ever asked. */
function cesiumFiles(): Plugin {
  return {
    name: "cesium-files",
    apply: "build",
    writeBundle(options) {
      const target = resolve(options.dir ?? "dist", "cesium");
      cpSync(`${ENGINE}/Build/Workers`, `${target}/Workers`, { recursive: true });
      cpSync(`${ENGINE}/Source/Assets/IAU2006_XYS`, `${target}/Assets/IAU2006_XYS`, { recursive: true });
      cpSync(
        `${ENGINE}/Source/Assets/approximateTerrainHeights.json`,
        `${target}/Assets/approximateTerrainHeights.json`,
      );
    },
  };
}

export default defineConfig({
  base: "./",
  plugins: [cesiumFiles()],
  build: { target: "es2022", chunkSizeWarningLimit: 6000, reportCompressedSize: true },
});
