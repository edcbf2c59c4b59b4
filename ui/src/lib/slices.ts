// Work that may wait for a moment, a little of it at a time, so that scrolling and typing are never held up.

import { flushSync } from "svelte";

/** Work of one frame, at most; what comes of it still has to be laid out and painted. */
const SLICE_MS = 6;

const jobs = new Map<object, () => void>();
let asked = false;

/** Does this soon, after what asked before; once for each owner, who may ask again. */
export function later(owner: object, job: () => void): void {
  jobs.delete(owner);
  jobs.set(owner, job);
  if (!asked) {
    asked = true;
    requestAnimationFrame(work);
  }
}

/** Takes back what an owner asked for. */
export function never(owner: object): void {
  jobs.delete(owner);
}

function work(): void {
  const end = performance.now() + SLICE_MS;
  for (const [owner, job] of jobs) {
    jobs.delete(owner);
    // What the job changes is drawn inside of its time, not after it.
    flushSync(job);
    if (performance.now() >= end) break;
  }
  asked = jobs.size > 0;
  if (asked) requestAnimationFrame(work);
}

type Heard = (isNear: boolean, height: number) => void;
const watched = new WeakMap<Element, Heard>();
const watches = new WeakMap<Element, IntersectionObserver>();

/** Tells whether an element is near what is seen of the element that scrolls; one observer serves them all. */
export function nearness(root: Element, margin: string, target: Element, hear: Heard): () => void {
  let watch = watches.get(root);
  if (!watch) {
    const tell: IntersectionObserverCallback = (entries) => {
      for (const entry of entries) watched.get(entry.target)?.(entry.isIntersecting, entry.boundingClientRect.height);
    };
    watch = new IntersectionObserver(tell, { root, rootMargin: margin });
    watches.set(root, watch);
  }
  const one = watch;
  watched.set(target, hear);
  one.observe(target);
  return () => one.unobserve(target);
}
