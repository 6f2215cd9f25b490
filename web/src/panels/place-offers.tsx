/** Places whose pin is likely wrong: how far off, by how many visits, and what to do about it. */
import { useComputed, useSignal } from "@preact/signals";
import type { Offer } from "../state/offers";
import { distance } from "../text/units";
import { useScreen } from "./context";
import { Icon } from "./icons";

/** The others wait behind these: the feed below has to stay readable. */
const SHOWN = 2;
const DECIDERS: ReadonlySet<string> = new Set(["operator", "admin"]);
/** Near enough that pin and place are seen apart. */
const ZOOM = 16.5;

export function PlaceOffers() {
  const screen = useScreen();
  const offers = useComputed(() => {
    screen.routes.revision.value;
    return screen.offers.list(screen.routes);
  });
  const all = offers.value;
  if (all.length === 0) return null;
  return (
    <section class="offers" aria-label="Pins that may be wrong">
      <div class="section-head">
        <h3>Pins that may be wrong</h3>
        {all.length > SHOWN && <span class="quiet small">{all.length}</span>}
      </div>
      <ul>
        {all.slice(0, SHOWN).map((offer) => (
          <OfferRow key={`${offer.tenant}/${offer.place}`} offer={offer} />
        ))}
      </ul>
    </section>
  );
}

function OfferRow({ offer }: { offer: Offer }) {
  const screen = useScreen();
  const busy = useSignal(false);
  const mayDecide = DECIDERS.has(screen.config.value?.role ?? "");
  const decide = (decision: Promise<void>): void => {
    busy.value = true;
    decision
      .then(() => screen.reloadPlan())
      .catch((error: unknown) => {
        busy.value = false;
        const why = error instanceof Error ? error.message : String(error);
        screen.notify("offers", `${offer.name} could not be changed. ${why}`);
      });
  };
  return (
    <li>
      <button
        type="button"
        class="offer-place"
        title="Show pin and place on the map"
        onClick={() => screen.flyTo({ ...midway(offer), zoom: ZOOM })}
      >
        <span class="feed-icon tone-at-risk">
          <Icon name="moved" size={14} />
        </span>
        <span>
          <strong>{offer.name}</strong> is {distance(offer.pin_m)} from its pin
          <span class="quiet small">, say {offer.visits} visits</span>
        </span>
      </button>
      {mayDecide && (
        <span class="offer-actions">
          <button
            type="button"
            class="small-button primary"
            disabled={busy.value}
            title="Stops there, also of later plans, are gone by the real place"
            onClick={() => decide(screen.offers.accept(offer))}
          >
            Move the pin
          </button>
          <button
            type="button"
            class="small-button"
            disabled={busy.value}
            title="The pin is right; do not ask again"
            onClick={() => decide(screen.offers.dismiss(offer))}
          >
            Keep it
          </button>
        </span>
      )}
    </li>
  );
}

function midway(offer: Offer): { lat: number; lon: number } {
  const pin = offer.pin ?? offer;
  return { lat: (offer.lat + pin.lat) / 2, lon: (offer.lon + pin.lon) / 2 };
}
