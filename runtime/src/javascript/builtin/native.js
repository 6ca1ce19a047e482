// What the host gives to the built-in modules, and operations that end later.
//
// The host puts its functions on the global object before anything else runs; they are taken off
// here, so that no script finds them.

export const native = globalThis.native;
delete globalThis.native;

// As the engine has them: a script may replace its own.
export const { parse, stringify } = JSON;

const pending = new Map();

/** Starts an operation of the host; `end(succeeded, json)` is called when it ends. */
export function start(kind, argument, end) {
  const id = native.start(kind, stringify(argument));
  pending.set(id, end);
  return id;
}

export function cancel(id) {
  if (pending.delete(id)) native.cancel(id);
}

/** The host calls this when an operation has ended. */
export function ended(id, succeeded, json) {
  const end = pending.get(id);
  pending.delete(id);
  end?.(succeeded, json);
}

/** The host has dropped whatever was under way. */
export function forget() {
  pending.clear();
}
