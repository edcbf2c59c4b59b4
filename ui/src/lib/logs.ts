// A line of the log, as the Gateway writes them: JSON, or text.

export interface LogLine {
  at: number;
  level: string;
  text: string;
  raw: string;
}

/** Reads a line; one that is no JSON is shown as it is. */
export function parse(raw: string): LogLine {
  try {
    const record = JSON.parse(raw) as Record<string, unknown>;
    const meta = (record["_meta"] ?? {}) as Record<string, unknown>;
    const fields = (record["fields"] ?? {}) as Record<string, unknown>;
    const level = String(record["level"] ?? meta["logLevelName"] ?? "").toLowerCase();
    const at = Date.parse(String(record["time"] ?? record["timestamp"] ?? meta["date"] ?? "")) || 0;
    const known = ["level", "time", "timestamp", "message", "msg", "_meta", "fields", "target"];
    const message = String(record["message"] ?? record["msg"] ?? fields["message"] ?? "");
    const rest = Object.entries({ ...record, ...fields })
      .filter(([key]) => !known.includes(key))
      .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`);
    return { at, level, text: [message, ...rest].join("  "), raw };
  } catch {
    return { at: 0, level: "", text: raw, raw };
  }
}
