// Time: timers, `performance`, and a `Date` that knows the host's clock and no zone but UTC.

import { BEGAN, cancel, EngineDate, give, native, start } from "streamsim:native";

const ZONED = /(?:Z|GMT|UTC?|[ECMP][SD]T|[+-]\d{2}:?\d{2})(?:\s*\(.*\))?\s*$/i;
const DATE_ONLY = /^\s*(?:[+-]\d{2})?\d{4}(?:-\d{2}){0,2}\s*$/;

/** The engine reads a text without a zone as local time of the machine: here it is UTC. */
function parse(text) {
  text = String(text);
  if (ZONED.test(text) || DATE_ONLY.test(text)) return EngineDate.parse(text);
  return EngineDate.parse(text + "Z");
}

function timeOf(parts) {
  if (parts.length === 0) return native.now();
  if (parts.length > 1) return EngineDate.UTC(...parts);
  const [value] = parts;
  if (value instanceof EngineDate) return value.getTime();
  const primitive = Object(value) === value ? value[Symbol.toPrimitive]?.("default") ?? value.valueOf() : value;
  return typeof primitive === "string" ? parse(primitive) : primitive;
}

function WorkerDate(...parts) {
  if (new.target === undefined) return new WorkerDate().toString();
  return Reflect.construct(EngineDate, [timeOf(parts)], new.target);
}
Object.defineProperty(WorkerDate, "name", { value: "Date" });
Object.defineProperty(WorkerDate, "length", { value: 7 });
WorkerDate.prototype = EngineDate.prototype;
WorkerDate.now = () => native.now();
WorkerDate.parse = parse;
WorkerDate.UTC = EngineDate.UTC;

const prototype = EngineDate.prototype;
const hide = (target, name, value) =>
  Object.defineProperty(target, name, { value, writable: true, configurable: true });

hide(prototype, "constructor", WorkerDate);
for (const part of ["Date", "Day", "FullYear", "Hours", "Milliseconds", "Minutes", "Month", "Seconds"]) {
  hide(prototype, `get${part}`, prototype[`getUTC${part}`]);
  if (part !== "Day") hide(prototype, `set${part}`, prototype[`setUTC${part}`]);
}
hide(prototype, "getTimezoneOffset", function () {
  return 0 * this.getTime();
});

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const two = (number) => String(number).padStart(2, "0");
const day = (date) =>
  `${DAYS[date.getDay()]} ${MONTHS[date.getMonth()]} ${two(date.getDate())} ${String(date.getFullYear()).padStart(4, "0")}`;
const clock = (date) => `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
const zone = "GMT+0000 (Coordinated Universal Time)";
const american = (date) => `${date.getMonth() + 1}/${date.getDate()}/${date.getFullYear()}`;
const twelve = (date) =>
  `${date.getHours() % 12 || 12}:${two(date.getMinutes())}:${two(date.getSeconds())} ${date.getHours() < 12 ? "AM" : "PM"}`;

const texts = {
  toString: (date) => `${day(date)} ${clock(date)} ${zone}`,
  toDateString: day,
  toTimeString: (date) => `${clock(date)} ${zone}`,
  toLocaleString: (date) => `${american(date)}, ${twelve(date)}`,
  toLocaleDateString: american,
  toLocaleTimeString: twelve,
};
for (const [name, text] of Object.entries(texts)) {
  hide(prototype, name, function () {
    return Number.isNaN(this.getTime()) ? "Invalid Date" : text(this);
  });
}

const delay = (duration) => Math.max(0, Math.trunc(Number(duration)) || 0);

const intervals = new Map();
let lastInterval = 0;

give({
  Date: WorkerDate,
  performance: {
    timeOrigin: BEGAN,
    now: () => native.now() - BEGAN,
  },
  setTimeout: (run, duration, ...rest) => start("sleep", delay(duration), () => run(...rest)),
  clearTimeout: (timer) => cancel(timer),
  setInterval(run, duration, ...rest) {
    const interval = --lastInterval;
    const again = () => {
      intervals.set(interval, start("sleep", delay(duration), () => {
        again();
        run(...rest);
      }));
    };
    again();
    return interval;
  },
  clearInterval(interval) {
    cancel(intervals.get(interval));
    intervals.delete(interval);
  },
});
