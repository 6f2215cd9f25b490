import { defineConfig } from "vitest/config";

/** Where `npm run dev` sends API calls: the fake server by default, a real one with OUTRIDER_URL. */
const apiUrl = process.env.OUTRIDER_URL ?? "http://127.0.0.1:8099";

export default defineConfig({
  build: {
    target: "es2022",
    sourcemap: false,
    // MapLibre and deck.gl are large by nature and cached by their hashed names.
    chunkSizeWarningLimit: 1600,
    rollupOptions: {
      output: {
        manualChunks(id: string): string | undefined {
          if (id.includes("maplibre-gl")) return "maplibre";
          if (/@deck\.gl|@luma\.gl|@math\.gl|@probe\.gl|@loaders\.gl/.test(id)) return "deck";
          return undefined;
        },
      },
    },
  },
  server: {
    proxy: { "/v1": { target: apiUrl, ws: true } },
  },
  test: {
    environment: "happy-dom",
    include: ["tests/**/*.test.ts", "tests/**/*.test.tsx"],
  },
});
