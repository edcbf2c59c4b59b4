// Chat through a real `ssh -L` to a real `sshd`: the tunnel dies in mid-answer and comes back on the same port.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { Machine, launch, signedIn, until } from "./harness.mjs";

/** It insists on being started by its full path. */
const SSHD = "/usr/sbin/sshd";
/** The folder that it wants when it runs as root; only root may make it. */
const PRIVSEP = "/run/sshd";

/** A port of loopback that nobody listens on now. */
async function sparePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Ends a process and waits until it has. */
async function end(child) {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
}

/** Whether somebody takes connections there. */
const answers = (port) => new Promise((resolve) => {
  const socket = connect(port, "127.0.0.1");
  socket.once("error", () => resolve(false));
  socket.once("connect", () => {
    socket.destroy();
    resolve(true);
  });
});

/** A server with throwaway keys, and the tunnel through it; nothing of `~/.ssh` is read. */
class Tunnel {
  static async to(gatewayPort) {
    const tunnel = new Tunnel();
    tunnel.gatewayPort = gatewayPort;
    tunnel.folder = await mkdtemp(join(tmpdir(), "openclaw-ssh-"));
    tunnel.sshPort = await sparePort();
    tunnel.port = await sparePort();
    tunnel.url = `http://127.0.0.1:${tunnel.port}/`;
    const file = (name) => join(tunnel.folder, name);
    for (const key of ["host_key", "client_key"]) {
      await promisify(execFile)("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "throwaway", "-f", file(key)]);
    }
    await copyFile(file("client_key.pub"), file("authorized_keys"));
    await writeFile(file("known_hosts"), `[127.0.0.1]:${tunnel.sshPort} ${await readFile(file("host_key.pub"), "utf8")}`);
    await writeFile(file("sshd_config"), `ListenAddress 127.0.0.1
HostKey ${file("host_key")}
AuthorizedKeysFile ${file("authorized_keys")}
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
PermitUserRC no
AllowTcpForwarding local
`);
    await writeFile(file("client_config"), `IdentityFile ${file("client_key")}
IdentitiesOnly yes
IdentityAgent none
UserKnownHostsFile ${file("known_hosts")}
GlobalKnownHostsFile /dev/null
StrictHostKeyChecking yes
UpdateHostKeys no
BatchMode yes
ExitOnForwardFailure yes
`);
    await mkdir(PRIVSEP, { recursive: true }).catch(() => {});
    tunnel.server = spawn(SSHD, ["-D", "-e", "-p", String(tunnel.sshPort), "-f", file("sshd_config")], { stdio: ["ignore", "ignore", "pipe"] });
    tunnel.said = "";
    tunnel.server.stderr.on("data", (data) => (tunnel.said += data));
    await until(() => tunnel.said.includes("Server listening on") || (tunnel.server.exitCode !== null && Promise.reject(new Error(tunnel.said))), "sshd");
    return tunnel;
  }

  /** Starts `ssh -N -L`, as a person does. */
  async up() {
    const forward = `${this.port}:127.0.0.1:${this.gatewayPort}`;
    this.client = spawn("ssh", ["-F", join(this.folder, "client_config"), "-N", "-L", forward, "-p", String(this.sshPort), "127.0.0.1"], { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    this.client.stderr.on("data", (data) => (said += data));
    await until(async () => (await answers(this.port)) || (this.client.exitCode !== null && Promise.reject(new Error(said + this.said))), "the tunnel");
  }

  async down() {
    await end(this.client);
  }

  async stop() {
    await this.down();
    await end(this.server);
    await rm(this.folder, { recursive: true, force: true });
  }
}

let machine;
let browser;
let tunnel;
before(async () => {
  [machine, browser] = await Promise.all([Machine.start(), launch()]);
  tunnel = await Tunnel.to(machine.port);
});
after(async () => {
  await browser?.close();
  await tunnel?.stop();
  await Machine.stopAll();
});

test("a reply that was streaming when ssh died is whole when ssh is back, and nothing is there twice", async () => {
  await tunnel.up();
  const page = await signedIn(browser, machine, { url: tunnel.url });
  await page.goto(`${tunnel.url}#/chat/ssh`);
  await until(async () => (await page.locator(".chat h1").textContent()) === "ssh", "the session");
  const words = "one two three four five six seven";
  const cut = new Promise((resolve, reject) => {
    machine.model.next(async (reply) => {
      try {
        reply.text("one two three ");
        await page.locator(".live", { hasText: "three" }).waitFor();
        await tunnel.down();
        await page.locator("[data-banner=reconnecting]").waitFor();
        // Some of it is said while nobody can hear, the rest when ssh is back.
        reply.text("four five ");
        assert.equal(await answers(tunnel.port), false, "the port is closed while ssh is dead");
        await tunnel.up();
        await page.locator("[data-banner]").waitFor({ state: "detached" });
        await page.locator(".live", { hasText: "one two three four five" }).waitFor();
        reply.text("six seven");
        reply.end();
        resolve();
      } catch (error) {
        reply.end();
        reject(error);
      }
    });
  });
  await page.fill("textarea", "count");
  await page.press("textarea", "Enter");
  await cut;
  await page.locator(".turn.assistant:not(.live)", { hasText: words }).waitFor();
  await page.locator(".live").waitFor({ state: "detached" });
  const whole = async () => {
    assert.equal(await page.locator(".turn.user").count(), 1);
    assert.equal(await page.locator(".turn.assistant").count(), 1);
    assert.equal((await page.locator(".turn.assistant .said").allTextContents()).join("").trim(), words);
  };
  await whole();
  await page.reload();
  await page.locator(".turn.assistant", { hasText: words }).waitFor();
  await whole();
  assert.equal(machine.model.requests.length, 1);
  await page.context().close();
});
