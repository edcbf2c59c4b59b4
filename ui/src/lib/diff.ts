// The lines in which two texts differ, with some lines around them.

export interface Line {
  mark: " " | "+" | "-" | "…";
  text: string;
}

const AROUND = 2;
/** Beyond this many pairs of lines the comparison would be felt; then all of it counts as replaced. */
const MOST_PAIRS = 4_000_000;

export function diff(before: string, after: string): Line[] {
  const old = before.split("\n");
  const now = after.split("\n");
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start += 1;
  let end = 0;
  while (end < old.length - start && end < now.length - start && old.at(-1 - end) === now.at(-1 - end)) end += 1;
  const lines: Line[] = [
    ...old.slice(0, start).map((text): Line => ({ mark: " ", text })),
    ...middle(old.slice(start, old.length - end), now.slice(start, now.length - end)),
    ...old.slice(old.length - end).map((text): Line => ({ mark: " ", text })),
  ];
  return shortened(lines);
}

/** By the longest common subsequence. */
function middle(old: string[], now: string[]): Line[] {
  const width = now.length + 1;
  if (old.length * now.length > MOST_PAIRS) {
    return [...old.map((text): Line => ({ mark: "-", text })), ...now.map((text): Line => ({ mark: "+", text }))];
  }
  const common = new Uint32Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = now.length - 1; j >= 0; j -= 1) {
      common[i * width + j] = old[i] === now[j]
        ? (common[(i + 1) * width + j + 1] ?? 0) + 1
        : Math.max(common[(i + 1) * width + j] ?? 0, common[i * width + j + 1] ?? 0);
    }
  }
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      lines.push({ mark: " ", text: old[i] ?? "" });
      i += 1;
      j += 1;
    } else if (j >= now.length || (i < old.length && (common[(i + 1) * width + j] ?? 0) >= (common[i * width + j + 1] ?? 0))) {
      lines.push({ mark: "-", text: old[i] ?? "" });
      i += 1;
    } else {
      lines.push({ mark: "+", text: now[j] ?? "" });
      j += 1;
    }
  }
  return lines;
}

function shortened(lines: Line[]): Line[] {
  const near = new Set<number>();
  lines.forEach(({ mark }, at) => {
    if (mark !== " ") for (let by = -AROUND; by <= AROUND; by += 1) near.add(at + by);
  });
  const out: Line[] = [];
  lines.forEach((line, at) => {
    if (near.has(at)) out.push(line);
    else if (out.length > 0 && out.at(-1)?.mark !== "…") out.push({ mark: "…", text: "" });
  });
  if (out.at(-1)?.mark === "…") out.pop();
  return out;
}
