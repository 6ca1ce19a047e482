// `Headers`, `Request`, `Response` and `fetch`, with bodies of text and bytes.
//
// To and from the host they travel in the wire form: headers as pairs, the body `{text}` or
// `{base64}`.

import { give, parse, start } from "streamsim:native";
import { bytesOf, decode, encode, fromBase64, toBase64 } from "streamsim:text";
import { URL, URLSearchParams } from "streamsim:url";

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

class Headers {
  #values = new Map();

  constructor(from = undefined) {
    if (from === undefined || from === null) return;
    const pairs = typeof from[Symbol.iterator] === "function" ? from : Object.entries(from);
    for (const [name, value] of pairs) this.append(name, value);
  }

  static #name(name) {
    name = String(name);
    if (!NAME.test(name)) throw new TypeError(`Invalid header name: ${name}`);
    return name.toLowerCase();
  }
  static #value(value) {
    value = String(value).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, "");
    if (/[\0\n\r]|[^\0-\xff]/.test(value)) throw new TypeError("Invalid header value");
    return value;
  }

  append(name, value) {
    const key = Headers.#name(name);
    this.#values.set(key, [...(this.#values.get(key) ?? []), Headers.#value(value)]);
  }
  delete(name) {
    this.#values.delete(Headers.#name(name));
  }
  get(name) {
    return this.#values.get(Headers.#name(name))?.join(", ") ?? null;
  }
  getSetCookie() {
    return [...(this.#values.get("set-cookie") ?? [])];
  }
  has(name) {
    return this.#values.has(Headers.#name(name));
  }
  set(name, value) {
    this.#values.set(Headers.#name(name), [Headers.#value(value)]);
  }
  forEach(visit, self) {
    for (const [name, value] of this) visit.call(self, value, name, this);
  }
  *entries() {
    for (const name of [...this.#values.keys()].sort()) {
      if (name === "set-cookie") for (const value of this.getSetCookie()) yield [name, value];
      else yield [name, this.get(name)];
    }
  }
  *keys() {
    for (const [name] of this.entries()) yield name;
  }
  *values() {
    for (const [, value] of this.entries()) yield value;
  }
  [Symbol.iterator]() {
    return this.entries();
  }
}

/** What a message carries: text or bytes, read once. */
class Content {
  constructor(data) {
    this.data = data;
    this.used = false;
  }
  peek() {
    if (this.used) throw new TypeError("Body has already been used");
    return this.data;
  }
  take() {
    const data = this.peek();
    this.used = true;
    return data;
  }
  toWire() {
    const data = this.take();
    return typeof data === "string" ? { text: data.toWellFormed() } : { base64: toBase64(data) };
  }
  static fromWire({ text, base64 }) {
    return new Content(text ?? fromBase64(base64));
  }
}

/** The content that `init` stands for, and its type. */
function contentOf(init) {
  if (init === undefined || init === null) return [null, null];
  if (init instanceof Content) return [new Content(init.take()), null];
  if (init instanceof ArrayBuffer || ArrayBuffer.isView(init)) return [new Content(bytesOf(init).slice()), null];
  if (init instanceof URLSearchParams) {
    return [new Content(init.toString()), "application/x-www-form-urlencoded;charset=UTF-8"];
  }
  return [new Content(String(init)), "text/plain;charset=UTF-8"];
}

class Message {
  #content;
  #headers;

  constructor(init, headers) {
    const [content, type] = contentOf(init);
    this.#content = content;
    this.#headers = new Headers(headers);
    if (type !== null && !this.#headers.has("content-type")) this.#headers.set("content-type", type);
  }

  get headers() {
    return this.#headers;
  }
  /** Fit to be the body of another message. */
  get body() {
    return this.#content;
  }
  get bodyUsed() {
    return this.#content?.used ?? false;
  }
  async text() {
    const data = this.#content?.take() ?? "";
    return typeof data === "string" ? data.toWellFormed() : decode(data);
  }
  async json() {
    return JSON.parse(await this.text());
  }
  async bytes() {
    const data = this.#content?.take() ?? "";
    return typeof data === "string" ? encode(data) : data;
  }
  async arrayBuffer() {
    return (await this.bytes()).buffer;
  }
}

/** The content of a copy of a message. */
function copied({ body }) {
  return body && new Content(body.peek());
}

function toWire(message, head) {
  const { headers, body } = message;
  return { ...head, headers: [...headers], ...(body && { body: body.toWire() }) };
}

class Request extends Message {
  #url;
  #method;
  #redirect;

  constructor(input, init = {}) {
    const from = input instanceof Request ? input : undefined;
    const method = init.method === undefined ? from?.method ?? "GET" : String(init.method);
    const body = init.body ?? (init.body === undefined ? from?.body : null);
    const upper = /^(?:delete|get|head|options|post|put|patch)$/i.test(method) ? method.toUpperCase() : method;
    if (body !== null && body !== undefined && (upper === "GET" || upper === "HEAD")) {
      throw new TypeError(`A ${upper} request has no body`);
    }
    super(body, init.headers ?? from?.headers);
    this.#method = upper;
    this.#url = from?.url ?? new URL(input).href;
    this.#redirect = init.redirect ?? from?.redirect ?? "follow";
    if (!["follow", "manual"].includes(this.#redirect)) throw new TypeError(`Invalid redirect: ${this.#redirect}`);
  }

  get url() {
    return this.#url;
  }
  get method() {
    return this.#method;
  }
  get redirect() {
    return this.#redirect;
  }
  clone() {
    const { url, method, headers, redirect } = this;
    return new Request(url, { method, headers, redirect, body: copied(this) });
  }
}

const BODILESS = [101, 204, 205, 304];

export class Response extends Message {
  #status;
  #statusText;

  constructor(body = null, init = {}) {
    const status = init.status ?? 200;
    if (!Number.isInteger(status) || status < 200 || status > 599) throw new RangeError(`Invalid status: ${status}`);
    if (body !== null && BODILESS.includes(status)) throw new TypeError(`A response of status ${status} has no body`);
    super(body, init.headers);
    this.#status = status;
    this.#statusText = String(init.statusText ?? "");
  }

  static json(value, init = {}) {
    const headers = new Headers(init.headers);
    if (!headers.has("content-type")) headers.set("content-type", "application/json");
    return new Response(JSON.stringify(value), { ...init, headers });
  }
  static redirect(url, status = 302) {
    if (![301, 302, 303, 307, 308].includes(status)) throw new RangeError(`Invalid redirect status: ${status}`);
    return new Response(null, { status, headers: { location: new URL(url).href } });
  }

  get status() {
    return this.#status;
  }
  get statusText() {
    return this.#statusText;
  }
  get ok() {
    return this.#status >= 200 && this.#status < 300;
  }
  clone() {
    const { status, statusText, headers } = this;
    return new Response(copied(this), { status, statusText, headers });
  }
}

export function requestFromWire({ method, url, headers, body, redirect }) {
  return new Request(url, { method, headers, redirect, body: body && Content.fromWire(body) });
}

function requestToWire(request) {
  const { method, url, redirect } = request;
  return toWire(request, { method, url, redirect });
}

export function responseToWire(response) {
  return toWire(response, { status: response.status });
}

function responseFromWire({ status, headers, body }) {
  return new Response(body ? Content.fromWire(body) : null, { status, headers });
}

function fetch(input, init) {
  return new Promise((resolve, reject) => {
    const request = new Request(input, init);
    start("fetch", requestToWire(request), (succeeded, json) => {
      const outcome = parse(json);
      if (succeeded) resolve(responseFromWire(outcome));
      else reject(new TypeError(outcome));
    });
  });
}

give({ Headers, Request, Response, fetch });
