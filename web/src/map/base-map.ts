/** Keeps MapLibre's style in step with the theme and the configuration, and says so when the ground cannot be loaded. */
import { effect } from "@preact/signals";
import type { Map as MapLibreMap } from "maplibre-gl";
import type { Screen } from "../state/screen";
import { baseKind, plainStyle, styleFor } from "./base";

const NOTICE = "base";

export function keepBase(map: MapLibreMap, screen: Screen): void {
  let fellBack = false;

  // Without its style the map would stay empty, so the plain one is put in; single tiles may still come.
  const problem = (error: unknown): void => {
    const config = screen.config.peek();
    const kind = baseKind(config);
    // The plain ground asks for nothing but its streets: any other error is a mistake of ours.
    if (kind === "plain" && !config?.streets_url) throw error;
    screen.notify(NOTICE, "The background map cannot be reached. Vehicles, fences and events go on as usual.");
    if (kind === "style" && !fellBack && !map.isStyleLoaded()) {
      fellBack = true;
      map.setStyle(plainStyle(screen.theme.peek()), { diff: false });
    }
  };
  map.on("error", (event) => problem(event.error));
  map.on("data", (event) => {
    if (!fellBack && "tile" in event && event.tile) screen.dismiss(NOTICE);
  });
  effect(() => {
    fellBack = false;
    map.setStyle(styleFor(screen.config.value, screen.theme.value), { diff: false });
  });
}
