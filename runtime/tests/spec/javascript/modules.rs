//! Modules: how they find one another, and what keeps a worker from loading.

use super::{call, load};
use crate::support::run;
use runtime::javascript::WorkerError;
use serde_json::json;

#[test]
fn modules_import_one_another_by_relative_and_by_whole_name() {
    run(|world| async move {
        let worker = load(&world, &[
            ("index.js", "import { b } from './lib/a.js'; import { c } from 'c.js'; export default { go: () => [b, c] };"),
            ("lib/a.js", "export { b } from './deep/../b.js';"),
            ("lib/b.js", "import { c } from '../c.js'; export const b = 'b' + c;"),
            ("c.js", "export const c = 'c';"),
        ]);
        let answer = call(&worker.unwrap(), "go", json!([])).await;
        assert_eq!(answer.unwrap(), json!(["bc", "c"]));
    });
}

#[test]
fn what_does_not_load_says_why() {
    run(|world| async move {
        for (source, why) in [
            ("export default {", "index.js"),
            ("import './missing.js';", "missing.js"),
            ("import '../outside.js';", "outside.js"),
            ("import 'streamsim:native';", "streamsim:native"),
            ("throw new RangeError('at once');", "at once"),
            ("await new Promise(() => {});", "waits at its top level"),
            ("setTimeout(() => {}, 1);", "outside of a call"),
        ] {
            let outcome = load(&world, &[("index.js", source)]).map(drop);
            let Err(WorkerError::Unloadable(exception)) = outcome else {
                panic!("{source}: {outcome:?}");
            };
            let said = format!("{}\n{}", exception.message, exception.stack);
            assert!(said.contains(why), "{source}: {said}");
        }
    });
}

#[test]
fn no_script_finds_what_the_built_in_modules_were_given() {
    run(|world| async move {
        let found = super::evaluate(&world, "typeof native").await.unwrap();
        assert_eq!(found, "undefined");
    });
}
