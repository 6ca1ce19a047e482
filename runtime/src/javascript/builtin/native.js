// What the host gives to the built-in modules, what these give to scripts when it is touched, and
// operations that end later.
//
// The host puts its functions on the global object before anything else runs; they are taken off
// here, so that no script finds them.

export const native = globalThis.native;
delete globalThis.native;

// As the engine has them: a script may replace its own.
export const { parse, stringify } = JSON;
export const EngineDate = Date;

/** When the worker was loaded. */
export const BEGAN = native.now();

const loaded = {};

/** What a module gives to scripts, by the names of the global object. */
export function give(values) {
  Object.assign(loaded, values);
}

/**
 * Global values that most scripts never touch, and that take long to load: their module is loaded when
 * the first of them is touched.
 */
export function giveLater(module, names) {
  for (const name of names) {
    const keep = (value) =>
      Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
    Object.defineProperty(globalThis, name, {
      configurable: true,
      get() {
        if (!Object.hasOwn(loaded, name)) native.load(module);
        if (!Object.hasOwn(loaded, name)) throw new Error(`${name} cannot be loaded here`);
        keep(loaded[name]);
        return loaded[name];
      },
      set: keep,
    });
  }
}

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
