// Text and bytes, and what a script says on the console.

import { native } from "streamsim:native";

export const encode = (text) => native.encode(String(text).toWellFormed());
export const decode = (bytes) => native.decode(binary(bytes));
export const toBase64 = (bytes) => native.toBase64(binary(bytes));
export const fromBase64 = (text) => native.fromBase64(text);

/** A text with a character for each byte. */
function binary(bytes) {
  const PIECE = 4096;
  let text = "";
  for (let from = 0; from < bytes.length; from += PIECE) {
    text += String.fromCharCode(...bytes.subarray(from, from + PIECE));
  }
  return text;
}

/** The bytes of a buffer or of a view of one. */
export function bytesOf(source) {
  return ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
}

globalThis.TextEncoder = class TextEncoder {
  encoding = "utf-8";
  encode(text = "") {
    return encode(text);
  }
};

globalThis.TextDecoder = class TextDecoder {
  encoding = "utf-8";
  decode(source = new Uint8Array()) {
    const text = decode(bytesOf(source));
    return text.startsWith("\uFEFF") ? text.slice(1) : text;
  }
};

globalThis.btoa = (text) => {
  const codes = Array.from(String(text), (c) => c.codePointAt(0));
  if (codes.some((code) => code > 255)) throw new TypeError("only Latin-1 characters have a base64 form");
  return toBase64(Uint8Array.from(codes));
};
globalThis.atob = (text) =>
  Array.from(fromBase64(String(text).replace(/[\t\n\f\r ]/g, "")), (byte) => String.fromCharCode(byte)).join("");

function shown(value) {
  if (typeof value === "string") return value;
  if (value instanceof Error) return value.stack ? `${value}\n${value.stack}` : String(value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

globalThis.console = Object.fromEntries(
  [
    ["debug", "log"],
    ["error", "error"],
    ["info", "log"],
    ["log", "log"],
    ["trace", "log"],
    ["warn", "warn"],
  ].map(([name, level]) => [
    name,
    (...values) => native.log(level, values.map(shown).join(" ").toWellFormed()),
  ]),
);
