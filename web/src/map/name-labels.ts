/** Which names belong on the map where: vehicles, fences, degrees. */
import type { Map as MapLibreMap } from "maplibre-gl";
import type { FleetVehicle } from "../state/fleet";
import type { Screen } from "../state/screen";
import type { Grid } from "./graticule";
import { type Label, LabelPool } from "./labels";
import { radiusAt } from "./scene";
import { type Extent, fenceExtent } from "./shapes";
import type { Insets } from "./view";

/** From these zooms on vehicles and fences carry their names. */
const NAMES_FROM_ZOOM = 12.7;
const FENCE_NAMES_FROM_ZOOM = 10.5;
const MOST_VEHICLES = 120;
const MOST_OTHERS = 60;
/** Room that the scale takes at the lower edge. */
const SCALE_PX = { width: 190, height: 60 };

export class NameLabels {
  private readonly vehicles: LabelPool;
  private readonly fences: LabelPool;
  private readonly degrees: LabelPool;

  constructor(
    container: HTMLElement,
    private readonly map: MapLibreMap,
    private readonly screen: Screen,
  ) {
    const pool = (most: number): LabelPool => new LabelPool(container.appendChild(document.createElement("div")), most);
    this.degrees = pool(MOST_OTHERS);
    this.fences = pool(MOST_OTHERS);
    this.vehicles = pool(MOST_VEHICLES);
  }

  draw(bounds: Extent, grid: Grid, insets: Insets): void {
    const shown = this.screen.settings.layers.peek();
    this.degrees.show(shown.graticule ? this.degreesAt(bounds, grid, insets) : []);
    this.fences.show(shown.labels && shown.fences ? this.fencesAt() : []);
    this.vehicles.show(shown.labels ? this.vehiclesAt(bounds) : []);
  }

  private vehiclesAt(bounds: Extent): Label[] {
    const { fleet } = this.screen;
    const zoom = this.map.getZoom();
    const selectedId = this.screen.selectedId.peek();
    const selected = selectedId === null ? undefined : fleet.get(selectedId);
    const labels: Label[] = [];
    if (selected?.onMap) labels.push(...this.vehicle(selected, bounds, radiusAt(zoom) * 2.3 + 8, "map-label selected"));
    if (zoom < NAMES_FROM_ZOOM) return labels;
    for (const vehicle of fleet.vehicles) {
      if (labels.length >= MOST_VEHICLES * 2) break;
      if (vehicle.onMap && vehicle !== selected)
        labels.push(...this.vehicle(vehicle, bounds, radiusAt(zoom) + 5, "map-label"));
    }
    return labels;
  }

  private vehicle(vehicle: FleetVehicle, bounds: Extent, below_px: number, className: string): Label[] {
    const { position } = this.screen.fleet.tracks;
    const lon = position[vehicle.index * 3];
    const lat = position[vehicle.index * 3 + 1];
    if (lon < bounds.west || lon > bounds.east || lat < bounds.south || lat > bounds.north) return [];
    const { x, y } = this.map.project([lon, lat]);
    return [{ key: vehicle.id, text: vehicle.name, x, y: y + below_px, className }];
  }

  private fencesAt(): Label[] {
    if (this.map.getZoom() < FENCE_NAMES_FROM_ZOOM) return [];
    const { clientWidth, clientHeight } = this.map.getContainer();
    return this.screen.fences.peek().flatMap((fence): Label[] => {
      const extent = fenceExtent(fence);
      const { x, y } = this.map.project([(extent.west + extent.east) / 2, extent.north]);
      if (!fence.name || x < 0 || y < 0 || x > clientWidth || y > clientHeight) return [];
      return [{ key: fence.id, text: fence.name, x, y: y - 9, className: "map-label fence" }];
    });
  }

  private degreesAt(bounds: Extent, grid: Grid, insets: Insets): Label[] {
    const { clientHeight, clientWidth } = this.map.getContainer();
    return grid.labels.flatMap(({ text, lon, lat }): Label[] => {
      const { x, y } = this.map.project([lon ?? bounds.west, lat ?? bounds.south]);
      if (lon === null) {
        const hidden = y < insets.top + 12 || y > clientHeight - SCALE_PX.height;
        return hidden ? [] : [{ key: text, text, x: insets.left + 4, y, className: "map-label grid lat" }];
      }
      const hidden = x < insets.left + SCALE_PX.width || x > clientWidth - insets.right - 60;
      return hidden ? [] : [{ key: text, text, x, y: clientHeight - 20, className: "map-label grid" }];
    });
  }
}
