// The connection that is asked for while the page itself is still on its way.

/** A socket, and what came over it before anybody listened. */
export interface Early {
  url: string;
  socket: WebSocket;
  heard: string[];
}

/** Asks the Gateway that served this page, and no other, for a connection. Says nothing yet. */
export function knock(): Early {
  const url = new URL(".", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.hash = url.search = "";
  const early: Early = { url: url.href, socket: new WebSocket(url.href), heard: [] };
  early.socket.onmessage = (message) => early.heard.push(String(message.data));
  return early;
}
