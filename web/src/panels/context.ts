/** The screen's state for every panel, without handing it through each of them. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Screen } from "../state/screen";

export const ScreenContext = createContext<Screen | null>(null);

export function useScreen(): Screen {
  const screen = useContext(ScreenContext);
  if (!screen) throw new Error("a panel was drawn outside of the screen");
  return screen;
}
