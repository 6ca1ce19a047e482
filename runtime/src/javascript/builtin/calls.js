// The module "host:calls": a function of the host's own, if it offers one.

import { parse, start } from "streamsim:native";

/** JSON in, JSON out; rejected with what the host says. */
export const call = (request) =>
  new Promise((resolve, reject) => {
    start("call", request, (succeeded, json) => {
      const outcome = parse(json);
      if (succeeded) resolve(outcome);
      else reject(Object.assign(new Error(outcome.message), { name: outcome.name }));
    });
  });
