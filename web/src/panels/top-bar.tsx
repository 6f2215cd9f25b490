/** Name, the fleet in numbers, the connection, the theme. */
import { useComputed } from "@preact/signals";
import { motionTotals } from "../state/roster";
import type { Theme } from "../state/settings";
import { Connection } from "./connection";
import { useScreen } from "./context";
import { Icon } from "./icons";

export function TopBar({ signOut }: { signOut: () => Promise<void> }) {
  return (
    <header class="topbar">
      <div class="brand">
        <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
          <rect width="32" height="32" rx="8" class="brand-ground" />
          <path d="M16 5 25 25 16 20.5 7 25Z" class="brand-arrow" />
        </svg>
        <span>Outrider</span>
      </div>
      <Summary />
      <div class="topbar-end">
        <Connection />
        <ThemeSwitch />
        <SignOut signOut={signOut} />
      </div>
    </header>
  );
}

function Summary() {
  const screen = useScreen();
  const motion = useComputed(() => motionTotals(screen.fleet.present(), screen.nowMs.value));
  const stops = useComputed(() => {
    // Once a second is soon enough for a sum, however often predictions come.
    screen.nowMs.value;
    return screen.routes.totals();
  });
  const { done, total, onTime, atRisk, late } = stops.value;
  return (
    <dl class="summary" aria-label="Fleet in numbers">
      <Figure label="Moving" tone="moving" value={motion.value.moving} />
      <Figure label="Stopped" tone="stopped" value={motion.value.stopped} />
      <Figure label="Silent" tone="stale" value={motion.value.stale} title="No fix for three minutes or more" />
      <div class="summary-rule" />
      <div class="figure wide" title="Stops that are served, skipped or failed, of all stops on the routes">
        <dt>Stops done</dt>
        <dd>
          {done}
          <span class="quiet"> / {total}</span>
          <span class="bar" aria-hidden="true">
            <span style={{ width: `${total ? (100 * done) / total : 0}%` }} />
          </span>
        </dd>
      </div>
      <Figure label="On time" tone="on-time" value={onTime} title="Open stops predicted within their promise" />
      <Figure label="At risk" tone="at-risk" value={atRisk} title="Open stops that may be late" />
      <Figure label="Late" tone="delayed" value={late} title="Open stops that will be late" />
    </dl>
  );
}

function Figure(props: { label: string; tone: string; value: number; title?: string }) {
  return (
    <div class="figure" title={props.title}>
      <dt>
        <span class={`dot tone-${props.tone}`} aria-hidden="true" />
        {props.label}
      </dt>
      <dd>{props.value}</dd>
    </div>
  );
}

function SignOut({ signOut }: { signOut: () => Promise<void> }) {
  const screen = useScreen();
  if (!screen.settings.signedIn.value || screen.needsLogin.value) return null;
  const leave = (): void => {
    signOut().catch((error: unknown) => screen.notify("login", `Signing out failed: ${String(error)}`));
  };
  return (
    <button type="button" class="icon-button" aria-label="Sign out" title="Sign out" onClick={leave}>
      <Icon name="exit" />
    </button>
  );
}

const NEXT_THEME: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const THEME_ICON = { system: "system", light: "sun", dark: "moon" } as const;

function ThemeSwitch() {
  const { settings } = useScreen();
  const theme = settings.theme.value;
  const label = `Theme: ${theme}. Change to ${NEXT_THEME[theme]}`;
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={label}
      title={label}
      onClick={() => (settings.theme.value = NEXT_THEME[theme])}
    >
      <Icon name={THEME_ICON[theme]} />
    </button>
  );
}
