// Reading something for a page: while it is connected, again when it asks, and again after a break.

import { untrack } from "svelte";

import { app } from "./app.svelte";

export class Load<T> {
  value = $state.raw<T>();
  error = $state("");
  busy = $state(false);
  private turn = 0;

  constructor(private readonly read: () => Promise<T>) {
    $effect(() => {
      if (app.epoch > 0) untrack(() => void this.again());
    });
  }

  again = async (): Promise<void> => {
    const turn = ++this.turn;
    this.busy = true;
    try {
      const value = await this.read();
      if (turn !== this.turn) return;
      this.value = value;
      this.error = "";
    } catch (error) {
      if (turn === this.turn) this.error = app.why(error);
    } finally {
      if (turn === this.turn) this.busy = false;
    }
  };
}

/** Does something, says what went wrong, and tells whether it worked. */
export async function act(what: () => Promise<unknown>): Promise<boolean> {
  try {
    await what();
    return true;
  } catch (error) {
    app.complain(error);
    return false;
  }
}
