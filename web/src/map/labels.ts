/**
 * Names on the map as a bounded pool of DOM elements: crisp text in the page's own font, no glyph server. Labels that would
 * cover one another are left out; one that is shown stays shown while there is room for it, so that nothing flickers.
 */

export interface Label {
  key: string;
  text: string;
  x: number;
  y: number;
  className: string;
}

const CELL_WIDTH_PX = 76;
const CELL_HEIGHT_PX = 20;

/** Which labels have room: those shown already first, then in the order given. Pure. */
export function fitting(labels: readonly Label[], shown: ReadonlySet<string>, most: number): Label[] {
  const taken = new Set<string>();
  const fit: Label[] = [];
  const consider = (label: Label): void => {
    if (fit.length >= most) return;
    const column = Math.round(label.x / CELL_WIDTH_PX);
    const row = Math.round(label.y / CELL_HEIGHT_PX);
    const cell = `${column}:${row}`;
    if (taken.has(cell)) return;
    taken.add(cell);
    fit.push(label);
  };
  for (const label of labels) if (shown.has(label.key)) consider(label);
  for (const label of labels) if (!shown.has(label.key)) consider(label);
  return fit;
}

export class LabelPool {
  private readonly elements = new Map<string, HTMLElement>();
  private readonly spare: HTMLElement[] = [];

  constructor(
    private readonly container: HTMLElement,
    private readonly most: number,
  ) {
    container.setAttribute("aria-hidden", "true");
  }

  show(labels: readonly Label[]): void {
    const fit = fitting(labels, new Set(this.elements.keys()), this.most);
    const keys = new Set(fit.map((label) => label.key));
    for (const [key, element] of this.elements) {
      if (keys.has(key)) continue;
      element.hidden = true;
      this.elements.delete(key);
      this.spare.push(element);
    }
    for (const label of fit) this.put(label);
  }

  private put(label: Label): void {
    let element = this.elements.get(label.key);
    if (!element) {
      element = this.spare.pop() ?? this.container.appendChild(document.createElement("span"));
      element.hidden = false;
      this.elements.set(label.key, element);
    }
    if (element.textContent !== label.text) element.textContent = label.text;
    if (element.className !== label.className) element.className = label.className;
    element.style.transform = `translate3d(${label.x.toFixed(1)}px, ${label.y.toFixed(1)}px, 0)`;
  }
}
