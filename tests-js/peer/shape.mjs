// Turns JSON values into shapes: which key paths occur, with which types, and which are not always there.
// No value ever enters a shape, so a recorded answer holds facts about the format and nothing else.

const IDENTIFIER = /^[A-Za-z_$][A-Za-z0-9_]*$/;

/** Collects the shape of every sample it is shown. */
export class Shape {
  #types = new Map();
  #parents = new Map();
  #present = new Map();
  #maps;

  /** `maps` lists the paths whose keys are data (ids, names), written as `*` in the shape. */
  constructor(maps = []) {
    this.#maps = new Set(maps);
  }

  /** Adds one sample. */
  add(value, path = "$") {
    if (value === undefined) return;
    this.#type(path, typeName(value));
    if (Array.isArray(value)) {
      for (const item of value) this.add(item, `${path}[]`);
    } else if (value !== null && typeof value === "object") {
      this.#object(value, path);
    }
  }

  /** The paths with their types, and the paths that some parent objects lack. */
  toJSON() {
    const paths = Object.fromEntries(
      [...this.#types].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, types]) => [path, [...types].sort().join("|")]),
    );
    const optional = [...this.#present]
      .filter(([path, { parent, count }]) => path in paths && count < this.#parents.get(parent))
      .map(([path]) => path)
      .sort();
    return { paths, optional };
  }

  #object(value, path) {
    const keys = Object.keys(value).filter((key) => value[key] !== undefined);
    if (this.#isMap(keys, path)) {
      for (const key of keys) this.add(value[key], `${path}.*`);
      return;
    }
    this.#parents.set(path, (this.#parents.get(path) ?? 0) + 1);
    for (const key of keys) {
      const child = `${path}.${key}`;
      const seen = this.#present.get(child) ?? { parent: path, count: 0 };
      seen.count += 1;
      this.#present.set(child, seen);
      this.add(value[key], child);
    }
  }

  #isMap(keys, path) {
    return this.#maps.has(path) || keys.some((key) => !IDENTIFIER.test(key));
  }

  #type(path, name) {
    if (!this.#types.has(path)) this.#types.set(path, new Set());
    this.#types.get(path).add(name);
  }
}

function typeName(value) {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value;
}
