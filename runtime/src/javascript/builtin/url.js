// `URL` and `URLSearchParams`, as far as workers use them; the host parses.

import { give, native } from "streamsim:native";

const text = (value) => String(value).toWellFormed();

export class URLSearchParams {
  #pairs = [];
  #changed;

  constructor(from = "", changed = undefined) {
    this.#changed = changed;
    if (typeof from === "string") {
      this.#pairs = JSON.parse(native.parseForm(text(from.replace(/^\?/, ""))));
    } else {
      const pairs = typeof from[Symbol.iterator] === "function" ? from : Object.entries(from);
      this.#pairs = Array.from(pairs, ([name, value]) => [text(name), text(value)]);
    }
  }

  #set(pairs) {
    this.#pairs = pairs;
    this.#changed?.(this.toString());
  }

  get size() {
    return this.#pairs.length;
  }
  append(name, value) {
    this.#set([...this.#pairs, [text(name), text(value)]]);
  }
  delete(name) {
    this.#set(this.#pairs.filter(([other]) => other !== text(name)));
  }
  get(name) {
    return this.getAll(name)[0] ?? null;
  }
  getAll(name) {
    return this.#pairs.filter(([other]) => other === text(name)).map(([, value]) => value);
  }
  has(name) {
    return this.getAll(name).length > 0;
  }
  set(name, value) {
    const pair = [text(name), text(value)];
    const first = this.#pairs.findIndex(([other]) => other === pair[0]);
    if (first < 0) return this.#set([...this.#pairs, pair]);
    this.#set(this.#pairs.flatMap((old, index) => (index === first ? [pair] : old[0] === pair[0] ? [] : [old])));
  }
  sort() {
    this.#set(this.#pairs.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  }
  forEach(visit, self) {
    for (const [name, value] of this.#pairs) visit.call(self, value, name, this);
  }
  *entries() {
    for (const [name, value] of this.#pairs) yield [name, value];
  }
  *keys() {
    for (const [name] of this.#pairs) yield name;
  }
  *values() {
    for (const [, value] of this.#pairs) yield value;
  }
  [Symbol.iterator]() {
    return this.entries();
  }
  toString() {
    return native.writeForm(JSON.stringify(this.#pairs));
  }
}

const PARTS = ["href", "protocol", "username", "password", "host", "hostname", "port", "pathname", "search", "hash"];

export class URL {
  #parts;
  #query;

  constructor(url, base = undefined) {
    const parts = native.parseUrl(text(url), base === undefined ? undefined : text(base));
    if (parts === undefined) throw new TypeError(`Invalid URL: ${url}`);
    this.#parts = JSON.parse(parts);
  }

  static canParse(url, base = undefined) {
    return native.parseUrl(text(url), base === undefined ? undefined : text(base)) !== undefined;
  }
  static parse(url, base = undefined) {
    return URL.canParse(url, base) ? new URL(url, base) : null;
  }

  static {
    for (const part of PARTS) {
      Object.defineProperty(URL.prototype, part, {
        configurable: true,
        enumerable: true,
        get() {
          return this.#parts[part];
        },
        set(value) {
          this.#change(part, value);
          this.#query = undefined;
        },
      });
    }
  }

  #change(part, value) {
    const parts = native.changeUrl(this.#parts.href, part, text(value));
    if (parts !== undefined) this.#parts = JSON.parse(parts);
    else if (part === "href") throw new TypeError(`Invalid URL: ${value}`);
  }

  get origin() {
    return this.#parts.origin;
  }
  get searchParams() {
    this.#query ??= new URLSearchParams(this.search, (query) => this.#change("search", query));
    return this.#query;
  }
  toString() {
    return this.href;
  }
  toJSON() {
    return this.href;
  }
}

give({ URL, URLSearchParams });
