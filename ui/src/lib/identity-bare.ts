// Ed25519 without WebCrypto, loaded only where there is none.

import { getPublicKey, hashes, sign as signRaw } from "@noble/ed25519";
import { sha256, sha512 } from "@noble/hashes/sha2.js";

hashes.sha512 = sha512;

const copy = (data: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(data);

export const digest = (data: Uint8Array): Uint8Array<ArrayBuffer> => copy(sha256(data));
export const publicKeyOf = (seed: Uint8Array): Uint8Array<ArrayBuffer> => copy(getPublicKey(seed));
export const sign = (data: Uint8Array, seed: Uint8Array): Uint8Array<ArrayBuffer> => copy(signRaw(data, seed));
