/** What the holder of a tracking link sees while this installation has no tracking page: nothing of the fleet, and no login. */

export function Unavailable() {
  return (
    <div class="login-ground">
      <section class="panel login" aria-labelledby="unavailable-title">
        <h1 id="unavailable-title">This link cannot be shown</h1>
        <p>It may have expired, or live tracking is not switched on. Please ask the sender of the link.</p>
      </section>
    </div>
  );
}
