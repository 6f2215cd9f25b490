/** The side list: search, order, every vehicle with what matters about it. */
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { motionOf } from "../state/condition";
import type { FleetVehicle } from "../state/fleet";
import { roster } from "../state/roster";
import { useScreen } from "./context";
import { Icon } from "./icons";
import { rowId, VehicleRow } from "./vehicle-row";
import { VirtualList } from "./virtual-list";

const ROW_HEIGHT_PX = 62;

export function VehicleList() {
  const screen = useScreen();
  // By id: rows change places while one looks at them.
  const cursor = useSignal<string | null>(null);
  const search = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const vehicles = useComputed(() => {
    // The order is looked at once a second: rows that jump with every fix cannot be read or clicked.
    screen.nowMs.value;
    return roster(screen.fleet.present(), screen.query.value, screen.settings.sort.value, screen.progressOf);
  });

  useEffect(() => {
    const focusSearch = (event: KeyboardEvent): void => {
      const target = event.target as HTMLElement;
      if (event.key !== "/" || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) return;
      event.preventDefault();
      search.current?.focus();
      search.current?.select();
    };
    addEventListener("keydown", focusSearch);
    return () => removeEventListener("keydown", focusSearch);
  }, []);

  const activeIndex = vehicles.value.findIndex((vehicle) => vehicle.id === cursor.value);
  const active = vehicles.value[activeIndex];

  const move = (event: KeyboardEvent): void => {
    const rows = vehicles.value;
    const jumps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };
    if (event.key in jumps) {
      event.preventDefault();
      cursor.value = rows[Math.max(0, Math.min(rows.length - 1, activeIndex + jumps[event.key]))]?.id ?? null;
    } else if (event.key === "Enter") {
      const chosen = rows[Math.max(0, activeIndex)];
      if (chosen) screen.select(chosen.id);
    } else if (event.key === "Escape") {
      if (screen.query.value) screen.query.value = "";
      else screen.select(null);
      cursor.value = null;
      if (event.currentTarget === search.current) search.current?.blur();
    }
  };

  return (
    <section class="panel list" aria-label="Vehicles">
      <div class="list-head">
        <label class="search">
          <Icon name="search" />
          <span class="visually-hidden">Search vehicles by name, id or tag</span>
          <input
            ref={search}
            type="search"
            placeholder="Search name, id or tag"
            autocomplete="off"
            spellcheck={false}
            value={screen.query.value}
            onInput={(event) => {
              screen.query.value = event.currentTarget.value;
              cursor.value = event.currentTarget.value ? (vehicles.value[0]?.id ?? null) : null;
            }}
            onKeyDown={move}
          />
          <kbd title="Press / to search">/</kbd>
        </label>
        <div class="list-sort">
          <span class="quiet">{countText(vehicles.value.length, screen.fleet.present().length)}</span>
          <SortSwitch />
        </div>
      </div>
      {vehicles.value.length === 0 ? (
        <EmptyList />
      ) : (
        <VirtualList<FleetVehicle>
          items={vehicles.value}
          rowHeight={ROW_HEIGHT_PX}
          label="Vehicles"
          activeIndex={activeIndex}
          activeId={active ? rowId(active.id) : undefined}
          listRef={list}
          onKeyDown={move}
          row={(vehicle) => (
            <VehicleRow
              key={vehicle.id}
              vehicle={vehicle}
              motion={motionOf(vehicle, screen.nowMs.value)}
              progress={screen.progressOf(vehicle)}
              nowMs={screen.nowMs.value}
              selected={screen.selectedId.value === vehicle.id}
              active={active === vehicle}
              onChoose={() => screen.select(vehicle.id)}
            />
          )}
        />
      )}
    </section>
  );
}

function countText(found: number, all: number): string {
  return found === all ? `${all} vehicles` : `${found} of ${all} vehicles`;
}

function SortSwitch() {
  const { settings } = useScreen();
  return (
    <fieldset class="switch">
      <legend class="visually-hidden">Order</legend>
      {(["late", "name"] as const).map((key) => (
        <button
          key={key}
          type="button"
          aria-pressed={settings.sort.value === key}
          onClick={() => (settings.sort.value = key)}
        >
          {key === "late" ? "Latest first" : "Name"}
        </button>
      ))}
    </fieldset>
  );
}

function EmptyList() {
  const screen = useScreen();
  if (screen.query.value) {
    return (
      <div class="empty">
        <strong>No vehicle matches “{screen.query.value}”</strong>
        <p>The search looks at names, ids, trackers and tags.</p>
        <button type="button" class="button" onClick={() => (screen.query.value = "")}>
          Show all
        </button>
      </div>
    );
  }
  if (!screen.loaded.value) return <div class="empty quiet">Loading vehicles …</div>;
  return (
    <div class="empty">
      <strong>No vehicles yet</strong>
      <p>
        A vehicle appears here with its first fix. Point a tracker at the MQTT broker, topic
        <code>fleet/&lt;tenant&gt;/&lt;tracker&gt;/fix</code>, or try <code>outrider simulate drive</code>.
      </p>
    </div>
  );
}
