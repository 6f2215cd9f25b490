/** Wiring: state, connection, page. */
import "@fontsource-variable/inter/wght.css";
import "maplibre-gl/dist/maplibre-gl.css";
import "./styles/base.css";
import "./styles/panels.css";
import "./styles/list.css";
import "./styles/detail.css";
import "./styles/feed.css";
import "./styles/map.css";
import { effect } from "@preact/signals";
import { render } from "preact";
import { Rest } from "./api/rest";
import { takeKeyFromAddress } from "./api/session";
import { App } from "./app";
import { installHook } from "./hook";
import type { Socket } from "./live/client";
import { applyPalette } from "./map/palette";
import type { MapView } from "./map/view";
import { Unavailable } from "./panels/unavailable";
import { SessionLoop } from "./session-loop";
import { Screen } from "./state/screen";

/** Pages of tracking links (`/t/<token>`) are for customers: they never load the fleet or ask for a key. */
const TRACKING = "/t/";

const key = takeKeyFromAddress(location, history);
const root = document.getElementById("app") as HTMLElement;
const screen = new Screen(new Rest("/"), storage());
screen.rest.tenant = new URLSearchParams(location.search).get("tenant");
followTheme();
if (location.pathname.startsWith(TRACKING)) render(<Unavailable />, root);
else showFleet();

function followTheme(): void {
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  screen.systemDark.value = prefersDark.matches;
  prefersDark.addEventListener("change", () => {
    screen.systemDark.value = prefersDark.matches;
  });
  effect(() => {
    document.documentElement.dataset.theme = screen.theme.value;
    applyPalette(document.documentElement, screen.theme.value);
  });
}

function showFleet(): void {
  const loop = new SessionLoop(screen, openSocket);
  let view: MapView | null = null;
  effect(() => {
    const waiting = screen.feed.unread.value;
    document.title = waiting > 0 ? `(${waiting}) Outrider` : "Outrider";
  });
  installHook(screen, loop, () => view);
  const onMap = (created: MapView): void => {
    view = created;
  };
  render(
    <App
      screen={screen}
      signIn={(typed) => loop.signIn(typed)}
      signOut={() => loop.signOut()}
      retry={() => loop.live.retryNow()}
      onMap={onMap}
    />,
    root,
  );
  loop.run();
  void begin(loop);
}

/** A key from the address opens a session first; a wrong one ends at the login form, which says so. */
async function begin(loop: SessionLoop): Promise<void> {
  if (key === null) {
    await loop.start();
    return;
  }
  try {
    await loop.signIn(key);
  } catch (error) {
    screen.needsLogin.value = true;
    const reason = error instanceof Error ? error.message : String(error);
    screen.notify("login", `The key in the address was not accepted: ${reason}`);
  }
}

function openSocket(): Socket {
  const address = new URL("/v1/live", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  address.hash = "";
  address.search = screen.rest.tenant === null ? "" : `?${new URLSearchParams({ tenant: screen.rest.tenant })}`;
  return new WebSocket(address) as unknown as Socket;
}

/** Some browsers forbid storage altogether: the preferences last as long as the page then. */
function storage(): Storage | null {
  try {
    return window.localStorage;
  } catch (error) {
    if (error instanceof DOMException) return null;
    throw error;
  }
}
