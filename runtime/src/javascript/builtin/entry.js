// How the host calls a worker: finds the export and its method, and reports how the call ended.

import "streamsim:chance";
import "streamsim:text";
import { forget, giveLater, native, parse, stringify } from "streamsim:native";
import { WorkerEntrypoint } from "cloudflare:workers";

export { ended, forget } from "streamsim:native";

giveLater("streamsim:clock", [
  "Date",
  "performance",
  "setTimeout",
  "clearTimeout",
  "setInterval",
  "clearInterval",
]);
giveLater("streamsim:url", ["URL", "URLSearchParams"]);
giveLater("streamsim:http", ["Headers", "Request", "Response", "fetch"]);

/** The worker has no such export or method. */
class Unresolved extends Error {}

const isClass = (value) => typeof value === "function" && value.prototype instanceof WorkerEntrypoint;

/** The methods of a class are its own and its ancestors', up to the base that we provide. */
function methodOf(target, name) {
  if (typeof target !== "object" || target === null) return undefined;
  const [from, end] = target instanceof WorkerEntrypoint
    ? [Object.getPrototypeOf(target), WorkerEntrypoint.prototype]
    : [target, Object.prototype];
  for (let holder = from; holder !== null && holder !== end; holder = Object.getPrototypeOf(holder)) {
    if (!Object.hasOwn(holder, name) || name === "constructor") continue;
    return typeof target[name] === "function" ? target[name] : undefined;
  }
  return undefined;
}

function find(main, entrypoint, name, ctx, env) {
  if (!Object.hasOwn(main, entrypoint)) throw new Unresolved(`the worker has no export ${stringify(entrypoint)}`);
  const exported = main[entrypoint];
  const target = isClass(exported) ? new exported(ctx, env) : exported;
  const method = methodOf(target, name);
  if (method === undefined) throw new Unresolved(`export ${stringify(entrypoint)} has no method ${stringify(name)}`);
  return (values) => method.apply(target, isClass(exported) ? values : [...values, env, ctx]);
}

async function answerRequest(call, request) {
  const { requestFromWire, Response, responseToWire } = await import("streamsim:http");
  const response = await call([requestFromWire(request)]);
  if (!(response instanceof Response)) throw new TypeError("fetch did not return a Response");
  return responseToWire(response);
}

async function answer(main, { entrypoint, props, env, method, values, request }) {
  const waiting = [];
  const ctx = {
    props,
    waitUntil: (promise) => void waiting.push(promise),
    passThroughOnException() {},
  };
  const call = find(main, entrypoint ?? "default", method, ctx, env);
  const value = request === undefined ? await call(values) : await answerRequest(call, request);
  const json = stringify(value) ?? "null";
  await Promise.allSettled(waiting);
  return json;
}

function described(error) {
  const text = (value) => String(value ?? "").toWellFormed();
  try {
    if (!(error instanceof Error)) return { name: "Error", message: text(error), stack: "" };
    return { name: text(error.name), message: text(error.message), stack: text(error.stack) };
  } catch {
    return { name: "Error", message: "an error that cannot be shown", stack: "" };
  }
}

/** `call` is the host's number for it; `json` says what is called, `first` that nothing else is under way. */
export function invoke(call, main, json, first) {
  if (first) forget();
  answer(main, parse(json)).then(
    (value) => native.finish(call, "returned", value),
    (error) => native.finish(call, error instanceof Unresolved ? "unresolved" : "threw", stringify(described(error))),
  );
}
