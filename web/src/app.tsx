/** The screen's layout: the map below everything, panels around it. */
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Hover } from "./map/hover";
import { type Insets, MapView } from "./map/view";
import { Notices, OfflineBanner } from "./panels/connection";
import { ScreenContext } from "./panels/context";
import { EventFeed } from "./panels/event-feed";
import { Login } from "./panels/login";
import { MapControls } from "./panels/map-controls";
import { Tooltip } from "./panels/tooltip";
import { TopBar } from "./panels/top-bar";
import { VehicleList } from "./panels/vehicle-list";
import { VehiclePanel } from "./panels/vehicle-panel";
import type { Screen } from "./state/screen";

const hover = signal<Hover | null>(null);

export interface AppProps {
  screen: Screen;
  signIn: (key: string) => Promise<void>;
  signOut: () => Promise<void>;
  retry: () => void;
  onMap: (view: MapView) => void;
}

export function App({ screen, signIn, signOut, retry, onMap }: AppProps) {
  const view = useRef<MapView | null>(null);
  const isOffline = screen.offlineSinceMs.value !== null && screen.loaded.value;
  useEffect(() => {
    const closeOnEscape = (event: KeyboardEvent): void => {
      const isTyping = /^(INPUT|SELECT)$/.test((event.target as HTMLElement).tagName);
      if (event.key === "Escape" && !isTyping) screen.select(null);
    };
    addEventListener("keydown", closeOnEscape);
    return () => removeEventListener("keydown", closeOnEscape);
  }, [screen]);
  return (
    <ScreenContext.Provider value={screen}>
      <main class={isOffline ? "screen offline" : "screen"}>
        <MapStage
          screen={screen}
          onMap={(created) => {
            view.current = created;
            onMap(created);
          }}
        />
        <TopBar signOut={signOut} />
        <VehicleList />
        <div class={screen.selectedId.value === null ? "right" : "right split"}>
          <VehiclePanel />
          <EventFeed />
        </div>
        <MapControls zoomBy={(steps) => view.current?.zoomBy(steps)} />
        <div class="messages">
          <OfflineBanner retry={retry} />
          <Notices />
        </div>
        <Tooltip hover={hover} />
        {screen.needsLogin.value && <Login signIn={signIn} message={null} />}
      </main>
    </ScreenContext.Provider>
  );
}

function MapStage({ screen, onMap }: { screen: Screen; onMap: (view: MapView) => void }) {
  const container = useRef<HTMLDivElement>(null);
  const labels = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!container.current || !labels.current) return undefined;
    const view = new MapView(container.current, labels.current, screen, (over) => (hover.value = over), insets);
    const observer = new ResizeObserver(() => view.fit());
    observer.observe(container.current);
    onMap(view);
    return () => observer.disconnect();
  }, []);
  return (
    <>
      <section ref={container} class="map" aria-label="Map of the fleet" />
      <div ref={labels} class="map-labels" />
    </>
  );
}

/** What the panels cover, so that the middle of the map is the middle of what is seen. */
function insets(): Insets {
  const width = (selector: string): number => document.querySelector(selector)?.getBoundingClientRect().width ?? 0;
  return { top: 68, bottom: 12, left: width(".list") + 24, right: width(".right") + 24 };
}
