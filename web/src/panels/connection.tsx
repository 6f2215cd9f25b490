/** Is what I see the present? The live light in the bar, and the banner when it is not. */

import { age, clockTime } from "../text/time";
import { useScreen } from "./context";
import { Icon } from "./icons";

export function Connection() {
  const screen = useScreen();
  const status = screen.connection.value;
  const isLive = status === "live";
  const delayMs = screen.delayMs.value;
  const words = isLive ? "Live" : status === "connecting" ? "Connecting" : "Offline";
  return (
    <div class={`connection ${isLive ? "live" : status === "connecting" ? "connecting" : "offline"}`} role="status">
      <span class="beacon" aria-hidden="true" />
      <span class="connection-word">{words}</span>
      <span class="connection-detail" title="Median age of a fix when it reaches this screen, and messages a second">
        {isLive
          ? `${delayMs === null ? "–" : `${(delayMs / 1000).toFixed(1)} s`} · ${rate(screen.messagesPerS.value)}/s`
          : ""}
      </span>
    </div>
  );
}

function rate(perSecond: number): string {
  return perSecond < 10 ? perSecond.toFixed(1) : String(Math.round(perSecond));
}

/** Only after a moment: a hiccup of a second is no news. */
const BANNER_AFTER_MS = 1_500;

export function OfflineBanner({ retry }: { retry: () => void }) {
  const screen = useScreen();
  const since = screen.offlineSinceMs.value;
  const nowMs = screen.nowMs.value;
  if (since === null || !screen.loaded.value || nowMs - since < BANNER_AFTER_MS) return null;
  const retryAtMs = screen.retryAtMs.value;
  const next = retryAtMs === null ? "connecting …" : `next attempt in ${age(Math.max(0, retryAtMs - Date.now()))}`;
  return (
    <div class="banner" role="alert">
      <Icon name="offline" />
      <span>
        <strong>Connection lost.</strong> You see the state of {clockTime(since, nowMs)} ({age(nowMs - since)} ago);{" "}
        {next}.
      </span>
      <button type="button" class="button" onClick={retry}>
        Try now
      </button>
    </div>
  );
}

export function Notices() {
  const screen = useScreen();
  return (
    <div class="notices" role="status">
      {screen.notices.value.map((notice) => (
        <div key={notice.key} class="notice">
          <span>{notice.text}</span>
          <button type="button" class="icon-button" aria-label="Dismiss" onClick={() => screen.dismiss(notice.key)}>
            <Icon name="close" size={12} />
          </button>
        </div>
      ))}
    </div>
  );
}
