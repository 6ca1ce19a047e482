// Chance: all of it is the host's.

import { native } from "streamsim:native";

Object.defineProperty(Math, "random", {
  value: () => native.random(),
  writable: true,
  configurable: true,
});

globalThis.crypto = {
  randomUUID: () => native.uuid(),
  getRandomValues(view) {
    if (!ArrayBuffer.isView(view)) throw new TypeError("expected an array of integers");
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    bytes.set(native.randomBytes(bytes.length));
    return view;
  },
};
