// A stand-in for model providers: starts aimock on a free loopback port with the answers below, prints
// one JSON line {"url"} and stays until its standard input is closed.
//
// What is asked decides the answer, so the same words go to every dialect.
import { LLMock } from "@copilotkit/aimock";

const mock = new LLMock({ port: 0, host: "127.0.0.1" });
const look = { name: "look", arguments: '{"at":"the sea","times":2}', id: "call_look" };

mock.on({ userMessage: "say hello" }, { content: "Hello from the stand-in, in several pieces." }, { chunkSize: 7 });
mock.on(
  { userMessage: "use a tool", hasToolResult: true },
  { content: "I looked, and it is blue." },
);
mock.on({ userMessage: "use a tool", hasToolResult: false }, { toolCalls: [look] }, { chunkSize: 5 });
mock.on(
  { userMessage: "think first" },
  { content: "Forty-two.", reasoning: "Let me see.", reasoningSignature: "c2lnbmVk" },
);
mock.on(
  { userMessage: "be limited" },
  { error: { message: "too many", type: "rate_limit_error" }, status: 429, retryAfter: 7 },
);
mock.on({ userMessage: "fail" }, { error: { message: "oops", type: "api_error" }, status: 500 });
mock.on({ userMessage: "be busy" }, { error: { message: "busy", type: "overloaded_error" }, status: 529 });
mock.on(
  { userMessage: "refuse the key" },
  { error: { message: "bad key", type: "authentication_error" }, status: 401 },
);
mock.on(
  { userMessage: "be too long" },
  { error: { message: "prompt is too long: 9 > 8", type: "invalid_request_error" }, status: 400 },
);
mock.on({ userMessage: "be malformed" }, { content: "never seen" }, { chaos: { malformedRate: 1 } });
mock.on(
  { userMessage: "be cut" },
  { content: "This will not come to its end." },
  { chunkSize: 3, latency: 25, truncateAfterChunks: 9 },
);
mock.on(
  { userMessage: "hang up" },
  { content: "This will not even begin." },
  { chaos: { disconnectRate: 1 } },
);
mock.on(
  { userMessage: "stall" },
  { content: "This takes its time." },
  { chunkSize: 4, latency: 20_000 },
);
mock.on({ userMessage: "be slow" }, { content: "x".repeat(400) }, { chunkSize: 2, latency: 20 });

await mock.start();
console.log(JSON.stringify({ url: mock.url }));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
