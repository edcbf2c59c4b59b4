// Commands that wait for a person's word.

import { app } from "./app.svelte";
import type { Heard } from "./client";
import { act } from "./load.svelte";
import type { ApprovalDecision, ExecApprovalRequested } from "./protocol";

class Approvals {
  items = $state.raw<ExecApprovalRequested[]>([]);

  get allowed(): boolean {
    return Boolean(app.hello?.auth.scopes.includes("operator.approvals")) && app.client.serves("exec.approval.list");
  }

  /** Those of one session, to be answered where they came up. */
  of(key: string): ExecApprovalRequested[] {
    return this.items.filter(({ request }) => request.sessionKey === key);
  }

  async load(): Promise<void> {
    this.items = this.allowed ? await app.client.call("exec.approval.list", {}) : [];
  }

  hear(heard: Heard): void {
    if (heard.event === "exec.approval.requested") {
      this.items = [...this.items.filter(({ id }) => id !== heard.payload.id), heard.payload];
    } else if (heard.event === "exec.approval.resolved") {
      this.drop(heard.payload.id);
    }
  }

  async decide(id: string, decision: ApprovalDecision): Promise<void> {
    if (await act(() => app.client.call("exec.approval.resolve", { id, decision }))) this.drop(id);
    else await this.load().catch(() => {});
  }

  /** Takes away what nobody may answer any more. */
  expire(now: number): void {
    if (this.items.some(({ expiresAtMs }) => expiresAtMs <= now)) {
      this.items = this.items.filter(({ expiresAtMs }) => expiresAtMs > now);
    }
  }

  private drop(gone: string): void {
    this.items = this.items.filter(({ id }) => id !== gone);
  }
}

export const approvals = new Approvals();
