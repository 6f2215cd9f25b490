/** Zoom, overview, layers and legend: what lies on the map itself. */
import { useSignal } from "@preact/signals";
import { palettes, SPEED_SCALE_TOP_MPS, speedGradient } from "../map/palette";
import { LAYERS } from "../state/settings";
import { speedUnit, speedValue } from "../text/units";
import { useScreen } from "./context";
import { Icon, StateMark } from "./icons";

export function MapControls({ zoomBy }: { zoomBy: (steps: number) => void }) {
  const screen = useScreen();
  const open = useSignal(false);
  return (
    <div class="map-controls">
      <div class="button-stack">
        <button type="button" class="icon-button" aria-label="Zoom in" title="Zoom in" onClick={() => zoomBy(1)}>
          <Icon name="plus" />
        </button>
        <button type="button" class="icon-button" aria-label="Zoom out" title="Zoom out" onClick={() => zoomBy(-1)}>
          <Icon name="minus" />
        </button>
        <button
          type="button"
          class="icon-button"
          aria-label="Show the whole fleet"
          title="Show the whole fleet"
          onClick={() => screen.fitAll()}
        >
          <Icon name="fit" />
        </button>
        <button
          type="button"
          class="icon-button"
          aria-label="Layers and legend"
          title="Layers and legend"
          aria-expanded={open.value}
          onClick={() => (open.value = !open.value)}
        >
          <Icon name="layers" />
        </button>
      </div>
      {open.value && <LayerPanel />}
    </div>
  );
}

function LayerPanel() {
  const screen = useScreen();
  const { settings } = screen;
  return (
    <div class="panel layer-panel">
      <h2>Layers</h2>
      {LAYERS.map(({ name, label }) => (
        <label key={name} class="check">
          <input type="checkbox" checked={settings.layers.value[name]} onChange={() => settings.toggleLayer(name)} />
          {label}
        </label>
      ))}
      <h2>Legend</h2>
      <ul class="legend">
        <li>
          <StateMark shape="moving" tone="moving" /> Moving, on time
        </li>
        <li>
          <StateMark shape="stopped" tone="stopped" /> Stopped, on time
        </li>
        <li>
          <StateMark shape="moving" tone="at-risk" rings={1} /> May be late
        </li>
        <li>
          <StateMark shape="moving" tone="delayed" rings={2} /> Late
        </li>
        <li>
          <StateMark shape="stale" tone="stale" /> Silent for 3 min
        </li>
        <li>
          <span class="swatch" style={{ background: `rgb(${palettes[screen.theme.value].fence.join(" ")} / 30%)` }} />{" "}
          Fence
        </li>
        <li>
          <svg class="mark tone-at-risk" viewBox="-12 -12 24 24" width="20" height="20" aria-hidden="true">
            <circle r="5" class="mark-hollow" />
          </svg>{" "}
          Real place of a pin
        </li>
      </ul>
      <SpeedScale />
    </div>
  );
}

export function SpeedScale() {
  const { theme } = useScreen();
  return (
    <div class="speed-scale">
      <span class="speed-bar" style={{ background: speedGradient(theme.value) }} aria-hidden="true" />
      <span class="speed-ends">
        <span>0</span>
        <span>trail speed</span>
        <span>
          {Math.round(speedValue(SPEED_SCALE_TOP_MPS))} {speedUnit}
        </span>
      </span>
    </div>
  );
}
