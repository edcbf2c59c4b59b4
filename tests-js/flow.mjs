// The model of the whole flow: asked about a disk it runs a command on the node "laptop", and then says
// what came out. Prints one JSON line {"url"} and stays until its standard input is closed.
import { LLMock } from "@copilotkit/aimock";

const mock = new LLMock({ port: 0, host: "127.0.0.1" });
const look = {
  name: "nodes",
  arguments: JSON.stringify({
    action: "invoke",
    node: "laptop",
    invokeCommand: "system.run",
    invokeParams: { command: ["df", "-h", "/"] },
  }),
  id: "call_df",
};
mock.on({ userMessage: "how full is the disk", hasToolResult: false }, { toolCalls: [look] });
mock.on(
  { userMessage: "how full is the disk", hasToolResult: true },
  { content: "I looked: **your laptop** has room enough." },
  { chunkSize: 6, latency: 20 },
);
mock.on({ userMessage: "hello" }, { content: "Hello." });

await mock.start();
console.log(JSON.stringify({ url: mock.url }));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
