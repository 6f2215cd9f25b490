/** A list of rows of one height that draws only those in sight, so that 100,000 rows cost as much as 20. */
import type { ComponentChildren, Ref } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

export interface VirtualListProps<T> {
  items: readonly T[];
  rowHeight: number;
  label: string;
  /** Kept in sight when it changes (keyboard). */
  activeIndex: number;
  activeId: string | undefined;
  row: (item: T, index: number) => ComponentChildren;
  listRef: Ref<HTMLDivElement>;
  onKeyDown: (event: KeyboardEvent) => void;
}

const OVERSCAN = 4;

export function VirtualList<T>(props: VirtualListProps<T>) {
  const { items, rowHeight, activeIndex } = props;
  const viewport = useRef<HTMLDivElement | null>(null);
  const [scrollTop, setScrollTop] = useState(0);
  const [height, setHeight] = useState(600);

  useEffect(() => {
    const element = viewport.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    const element = viewport.current;
    if (!element || activeIndex < 0) return;
    const top = activeIndex * rowHeight;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + rowHeight > element.scrollTop + element.clientHeight) {
      element.scrollTop = top + rowHeight - element.clientHeight;
    }
  }, [activeIndex, rowHeight]);

  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - OVERSCAN);
  const last = Math.min(items.length, Math.ceil((scrollTop + height) / rowHeight) + OVERSCAN);
  const attach = (element: HTMLDivElement | null): void => {
    viewport.current = element;
    if (typeof props.listRef === "function") props.listRef(element);
    else if (props.listRef) props.listRef.current = element;
  };
  return (
    <div
      class="virtual"
      ref={attach}
      role="listbox"
      aria-label={props.label}
      aria-activedescendant={props.activeId}
      tabIndex={0}
      onScroll={(event) => setScrollTop(event.currentTarget.scrollTop)}
      onKeyDown={props.onKeyDown}
    >
      <div class="virtual-inner" style={{ height: `${items.length * rowHeight}px` }}>
        <div style={{ transform: `translateY(${first * rowHeight}px)` }}>
          {items.slice(first, last).map((item, at) => props.row(item, first + at))}
        </div>
      </div>
    </div>
  );
}
