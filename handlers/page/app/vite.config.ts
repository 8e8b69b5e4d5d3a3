// How the page is built: into the folder the handlers serve, nothing inlined, nothing from elsewhere.
import { defineConfig } from "vite";

const API = "http://127.0.0.1:8080";

export default defineConfig({
  build: {
    outDir: "../dist",
    emptyOutDir: true,
    target: "es2022",
    // The content security policy lets scripts come from files only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: { "/api": { target: API, ws: true }, "/files": API },
  },
});
