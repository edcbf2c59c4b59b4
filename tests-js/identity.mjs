// A device identity in the form the reference client takes, and the callbacks it needs to sign with one.

import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto";

/** A fresh Ed25519 device identity. */
export function createIdentity() {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const publicKeyPem = publicKey.export({ type: "spki", format: "pem" });
  return {
    deviceId: createHash("sha256").update(rawPublicKey(publicKeyPem)).digest("hex"),
    publicKeyPem,
    privateKeyPem: privateKey.export({ type: "pkcs8", format: "pem" }),
  };
}

/** What the reference client asks of its host; device tokens are kept in memory. */
export function hostDeps() {
  const tokens = new Map();
  return {
    signDevicePayload: (pem, payload) =>
      sign(null, Buffer.from(payload, "utf8"), createPrivateKey(pem)).toString("base64url"),
    publicKeyRawBase64UrlFromPem: (pem) => rawPublicKey(pem).toString("base64url"),
    loadDeviceAuthToken: ({ deviceId, role }) => tokens.get(`${deviceId} ${role}`) ?? null,
    storeDeviceAuthToken: ({ deviceId, role, token, scopes }) => tokens.set(`${deviceId} ${role}`, { token, scopes }),
    clearDeviceAuthToken: ({ deviceId, role }) => tokens.delete(`${deviceId} ${role}`),
  };
}

function rawPublicKey(pem) {
  const { x } = createPublicKey(pem).export({ format: "jwk" });
  return Buffer.from(x, "base64url");
}
