// Runs a script in its engine: gives it its context, and says how it ended.

import { call } from "host:calls";

/** Functions that were passed to providers, by their number. */
const passed = [];

/** Whoever holds one may call it later: until the script ends, there is something to wait for. */
function pass(value) {
  if (passed.length === 0) setTimeout(() => {}, 2 ** 31);
  return passed.push(value) - 1;
}

/** Neither an object of braces nor a list. Asking whether it is a `Response` loads what makes them. */
function isSpecial(value) {
  return ![Object.prototype, Array.prototype].includes(Object.getPrototypeOf(value));
}

/**
 * A value fit for JSON: markers stand for what is not. Functions are noted in `functions` by the place
 * where they stand.
 */
function plain(value, functions, at = [], within = []) {
  switch (typeof value) {
    case "string":
      return value.toWellFormed();
    case "number":
      return Number.isFinite(value) ? value : `[number ${value}]`;
    case "bigint":
      return `[bigint ${value}]`;
    case "symbol":
      return "[symbol]";
    case "function":
      functions?.push({ at, id: pass(value) });
      return "[function]";
    case "object":
      break;
    default:
      return value;
  }
  if (value === null) return null;
  if (within.includes(value)) return "[circular]";
  const special = isSpecial(value);
  if (special && value instanceof Response) return `[response ${value.status}]`;
  if (special && value instanceof Request) return `[request ${value.method} ${value.url}]`;
  if (value instanceof Promise) return "[promise]";
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (typeof value.getReader === "function") return "[stream]";
  if (value instanceof Error) return { name: String(value.name), message: String(value.message).toWellFormed() };
  const inside = [...within, value];
  if (typeof value.toJSON === "function") return plain(value.toJSON(), functions, at, inside);
  if (Array.isArray(value)) {
    return Array.from(value, (item, position) => plain(item, functions, [...at, position], inside) ?? null);
  }
  const entries = value instanceof Map || (special && value instanceof Headers) ? [...value] : Object.entries(value);
  const fields = entries.map(([name, field]) => {
    const known = String(name).toWellFormed();
    return [known, plain(field, functions, [...at, known], inside)];
  });
  return Object.fromEntries(fields);
}

/** What the host says, with live handles in their places. */
function revived({ value, handles = [] }) {
  for (const { at, id } of handles) {
    const handle = handleOf(id);
    if (at.length === 0) return handle;
    const holder = at.slice(0, -1).reduce((inner, step) => inner[step], value);
    holder[at.at(-1)] = handle;
  }
  return value;
}

async function ask(request, args) {
  const functions = [];
  return revived(await call({ ...request, args: plain(args, functions), functions }));
}

/** A live handle: its methods are called where it comes from. */
function handleOf(id) {
  return new Proxy(function () {}, {
    get: (_, method) =>
      typeof method === "symbol" || method === "then" ? undefined : (...args) => ask({ handle: id, method }, args),
    apply: (_target, _self, args) => ask({ handle: id, method: "call" }, args),
  });
}

/** Every path below is a function of a provider. A promise it is not: `await ctx.a` gives it as it is. */
function below(path, own = {}) {
  return new Proxy(function () {}, {
    get(_, name) {
      if (typeof name === "symbol" || name === "then") return undefined;
      return Object.hasOwn(own, name) ? own[name] : below([...path, name]);
    },
    apply: (_target, _self, args) => ask({ path }, args),
  });
}

function messageOf(error) {
  try {
    return String(error instanceof Error ? error.message || error.name : error).toWellFormed();
  } catch {
    return "an error that cannot be shown";
  }
}

export default {
  async run({ code, vars, env }) {
    try {
      const script = (0, eval)(`(${code}\n)`);
      if (typeof script !== "function") throw new TypeError("a script is one function expression");
      const codemode = below(["codemode"], { vars });
      const result = await script(below([], { codemode, console, env }));
      return { result: plain(result) };
    } catch (error) {
      return { error: messageOf(error) };
    }
  },

  /** A provider calls a function that was passed to it. */
  async callback({ id, value, handles }) {
    const functions = [];
    const args = revived({ value, handles });
    return { value: plain(await passed[id](...args), functions), functions };
  },
};
