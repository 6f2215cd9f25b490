/** Shown when the server wants a key. The key goes to the server once and becomes a cookie that scripts cannot read. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "./icons";

export function Login({ signIn, message }: { signIn: (key: string) => Promise<void>; message: string | null }) {
  const problem = useSignal<string | null>(message);
  const busy = useSignal(false);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);

  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const key = input.current?.value.trim() ?? "";
    if (!key) return;
    busy.value = true;
    problem.value = null;
    try {
      await signIn(key);
    } catch (error) {
      problem.value = error instanceof Error ? error.message : String(error);
      input.current?.select();
    } finally {
      busy.value = false;
    }
  };
  return (
    <div class="login-ground">
      <form class="panel login" aria-labelledby="login-title" onSubmit={submit}>
        <span class="login-icon">
          <Icon name="key" size={22} />
        </span>
        <h1 id="login-title">Sign in to Outrider</h1>
        <p>
          This server wants an API key. The first one is printed when the server starts; an administrator can make
          others.
        </p>
        <label>
          API key
          <input
            ref={input}
            type="password"
            name="key"
            autocomplete="current-password"
            spellcheck={false}
            aria-invalid={problem.value !== null}
          />
        </label>
        {problem.value && (
          <p class="problem" role="alert">
            {problem.value}
          </p>
        )}
        <button type="submit" class="button primary" disabled={busy.value}>
          {busy.value ? "Signing in …" : "Sign in"}
        </button>
      </form>
    </div>
  );
}
