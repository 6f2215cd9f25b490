/**
 * The map: MapLibre below (ground and gestures), deck.gl above (everything that is ours), one frame loop. It reads the state
 * and draws; what was clicked it tells through `select`.
 */
import type { PickingInfo } from "@deck.gl/core";
import { MapLibreOverlay } from "@deck.gl/maplibre";
import { effect } from "@preact/signals";
import { AttributionControl, Map as MapLibreMap, ScaleControl, setWorkerUrl } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import type { Screen } from "../state/screen";
import { usesMiles } from "../text/units";
import { keepBase } from "./base-map";
import { type Hover, hoverOf } from "./hover";
import { NameLabels } from "./name-labels";
import { Scene } from "./scene";
import { type Extent, extentOf, fenceExtent } from "./shapes";

setWorkerUrl(new URL(workerUrl, import.meta.url).href);

/** A frame after a pause (hidden tab) advances motion by this much at most. */
const LONGEST_STEP_MS = 1_000;
const FOLLOW_ZOOM = 13.5;
const FLY_ZOOM = 15;

/** What the panels cover, CSS pixels. */
export interface Insets {
  top: number;
  right: number;
  bottom: number;
  left: number;
}

export class MapView {
  readonly map: MapLibreMap;
  readonly scene: Scene;
  /** How many frames have been drawn. */
  frames = 0;
  private readonly overlay: MapLibreOverlay;
  private readonly labels: NameLabels;
  /** Measured when the size changes, not in each frame: it would force a layout. */
  private covered: Insets = { top: 0, right: 0, bottom: 0, left: 0 };
  private lastFrameMs = 0;
  private fitted = false;

  constructor(
    container: HTMLElement,
    labels: HTMLElement,
    private readonly screen: Screen,
    private readonly onHover: (hover: Hover | null) => void,
    private readonly insets: () => Insets,
  ) {
    this.map = createMap(container);
    keepBase(this.map, screen);
    this.scene = new Scene(screen);
    this.labels = new NameLabels(labels, this.map, screen);
    this.overlay = new MapLibreOverlay({
      interleaved: false,
      layers: [],
      pickingRadius: 5,
      onHover: (info: PickingInfo) => this.hover(info),
      onClick: (info: PickingInfo) => this.click(info),
    });
    this.map.addControl(this.overlay);
    this.listen();
    this.fit();
    requestAnimationFrame((nowMs) => this.frame(nowMs));
  }

  /** The panels' size has changed: the free part of the map is elsewhere. */
  fit(): void {
    this.covered = this.insets();
    this.map.setPadding(this.covered);
  }

  fitAll(animate = true): void {
    const extent = this.everything();
    if (extent) this.goTo(extent, animate);
  }

  zoomBy(steps: number): void {
    this.map.zoomTo(this.map.getZoom() + steps, { duration: this.duration(250) });
  }

  /** Where a vehicle is drawn, CSS pixels of the page; null when it is not on the map. */
  pixelOf(id: string): { x: number; y: number } | null {
    const at = this.shownAt(id);
    if (!at) return null;
    const { x, y } = this.map.project(at);
    return { x, y };
  }

  private listen(): void {
    const { screen } = this;
    screen.flyTo = (place) => {
      screen.following.value = false;
      const zoom = Math.max(this.map.getZoom(), place.zoom ?? FLY_ZOOM);
      this.map.flyTo({ center: [place.lon, place.lat], zoom, duration: this.duration(900) });
    };
    screen.fitAll = () => this.fitAll();
    this.map.on("dragstart", () => {
      screen.following.value = false;
    });
    this.map.on("move", () => this.scene.setBounds(this.bounds()));
    effect(() => {
      if (screen.following.value) this.approach(screen.selectedId.value);
    });
  }

  private frame(frameMs: number): void {
    requestAnimationFrame((nextMs) => this.frame(nextMs));
    const stepMs = Math.min(LONGEST_STEP_MS, frameMs - this.lastFrameMs);
    this.lastFrameMs = frameMs;
    const moved = this.screen.fleet.tracks.advance(this.screen.now(), stepMs);
    this.scene.refresh(frameMs);
    if (!this.fitted) this.fitFirst();
    if (!moved && !this.scene.dirty) return;
    this.follow();
    this.overlay.setProps({ layers: this.scene.layers(this.map.getZoom()) });
    this.labels.draw(this.bounds(), this.scene.grid, this.covered);
    this.frames += 1;
  }

  private follow(): void {
    const id = this.screen.selectedId.peek();
    const at = id !== null && this.screen.following.peek() ? this.shownAt(id) : null;
    if (!at || this.map.isMoving()) return;
    const center = this.map.getCenter();
    if (Math.abs(center.lng - at[0]) + Math.abs(center.lat - at[1]) > 1e-7) this.map.jumpTo({ center: at });
  }

  private approach(id: string | null): void {
    const at = id === null ? null : this.shownAt(id);
    if (!at) return;
    this.map.easeTo({ center: at, zoom: Math.max(this.map.getZoom(), FOLLOW_ZOOM), duration: this.duration(700) });
  }

  /** Where the vehicle is drawn now: lon, lat degrees. */
  private shownAt(id: string): [number, number] | null {
    const vehicle = this.screen.fleet.get(id);
    if (!vehicle?.onMap) return null;
    const { position } = this.screen.fleet.tracks;
    return [position[vehicle.index * 3], position[vehicle.index * 3 + 1]];
  }

  private bounds(): Extent {
    const bounds = this.map.getBounds();
    return { west: bounds.getWest(), south: bounds.getSouth(), east: bounds.getEast(), north: bounds.getNorth() };
  }

  private everything(): Extent | null {
    const { fleet, fences } = this.screen;
    const vehicles = fleet.vehicles.filter((vehicle) => vehicle.onMap);
    if (vehicles.length > 0) return extentOf(vehicles.map((vehicle): [number, number] => [vehicle.lon, vehicle.lat]));
    const corners = fences.peek().map(fenceExtent);
    return extentOf(
      corners.flatMap((box): [number, number][] => [
        [box.west, box.south],
        [box.east, box.north],
      ]),
    );
  }

  private fitFirst(): void {
    const extent = this.screen.loaded.peek() ? this.everything() : null;
    if (!extent) return;
    this.fitted = true;
    this.goTo(extent, false);
  }

  private goTo(extent: Extent, animate: boolean): void {
    this.screen.following.value = false;
    this.map.fitBounds([extent.west, extent.south, extent.east, extent.north], {
      padding: 48,
      maxZoom: 15,
      animate: animate && this.duration(1) > 0,
    });
  }

  private hover(info: PickingInfo): void {
    const hover = hoverOf(info, this.screen.fleet.vehicles);
    this.map.getCanvas().style.cursor = hover && hover.kind !== "fence" ? "pointer" : "";
    this.onHover(hover);
  }

  private click(info: PickingInfo): void {
    const { screen } = this;
    const hover = hoverOf(info, screen.fleet.vehicles);
    if (hover?.kind === "vehicle") {
      if (screen.selectedId.peek() === hover.vehicle.id) screen.following.value = !screen.following.peek();
      else screen.select(hover.vehicle.id);
    } else if (hover?.kind === "stop") {
      const route = screen.routes.get(hover.stop.route);
      if (route) screen.select(route.vehicle);
    } else {
      screen.select(null);
    }
  }

  /** Who has asked for less motion gets none. */
  private duration(milliseconds: number): number {
    return matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : milliseconds;
  }
}

/** North is up and the ground is flat: a screen that is read at a glance must not be turned by accident. */
function createMap(container: HTMLElement): MapLibreMap {
  const map = new MapLibreMap({
    container,
    style: { version: 8, sources: {}, layers: [] },
    center: [0, 25],
    zoom: 1.4,
    maxZoom: 20,
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    fadeDuration: 0,
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  map.addControl(new AttributionControl({ compact: true }), "bottom-left");
  map.addControl(
    new ScaleControl({ maxWidth: 110, unit: usesMiles(navigator.language) ? "imperial" : "metric" }),
    "bottom-left",
  );
  return map;
}
