// The device identity of this browser: an Ed25519 key that never leaves it.
//
// In a secure context the key is WebCrypto's and cannot be read, not even by this page. Elsewhere (plain
// HTTP from another machine) or in a browser without Ed25519 a seed is kept, and the page says so.

import { load, save } from "./keep";

/** Who this browser is. */
export interface Identity {
  /** Lowercase hex SHA-256 of the raw public key. */
  id: string;
  /** Raw public key, unpadded base64url. */
  publicKey: string;
  /** Whether even this page cannot read the key. */
  sealed: boolean;
  /** Signature over a text, unpadded base64url. */
  sign(text: string): Promise<string>;
}

interface Kept {
  publicKey: Uint8Array<ArrayBuffer>;
  privateKey?: CryptoKey;
  seed?: Uint8Array<ArrayBuffer>;
}

const NAME = "device";

/** The identity of this browser, made on the first call. */
export async function identity(): Promise<Identity> {
  let kept = await load<Kept>(NAME);
  if (!kept) {
    kept = (await sealed()) ?? (await bare());
    await save(NAME, kept);
  }
  const { publicKey, privateKey, seed } = kept;
  if (privateKey && globalThis.crypto.subtle) {
    return {
      id: hex(new Uint8Array(await crypto.subtle.digest("SHA-256", publicKey))),
      publicKey: base64url(publicKey),
      sealed: true,
      sign: async (text) => base64url(new Uint8Array(await crypto.subtle.sign("Ed25519", privateKey, bytes(text)))),
    };
  }
  if (!seed) {
    // The key was made over HTTPS and cannot be used here; the page is another device here.
    await save(NAME, await bare());
    return identity();
  }
  const { digest, sign } = await import("./identity-bare");
  return {
    id: hex(digest(publicKey)),
    publicKey: base64url(publicKey),
    sealed: false,
    sign: async (text) => base64url(sign(bytes(text), seed)),
  };
}

async function sealed(): Promise<Kept | undefined> {
  if (!globalThis.crypto.subtle) return undefined;
  try {
    const pair = (await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"])) as CryptoKeyPair;
    const publicKey = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
    return { publicKey, privateKey: pair.privateKey };
  } catch {
    return undefined;
  }
}

async function bare(): Promise<Kept> {
  const seed = crypto.getRandomValues(new Uint8Array(32));
  const { publicKeyOf } = await import("./identity-bare");
  return { publicKey: publicKeyOf(seed), seed };
}

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function hex(data: Uint8Array): string {
  return Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function base64url(data: Uint8Array): string {
  return btoa(String.fromCharCode(...data)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
