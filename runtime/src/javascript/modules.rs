//! Which import means which module: those of the worker, and those that every worker has.

use rquickjs::{
    loader::{ImportAttributes, Loader, Resolver},
    module::Declared,
    Ctx, Error, Module, Result,
};
use std::collections::BTreeMap;

/// What a worker may import by this name.
const WORKERS: &str = "cloudflare:workers";

/// What a worker may import by this name, to call its host.
const CALLS: &str = "host:calls";

/// Built-in modules with this prefix see only one another.
const INTERNAL: &str = "streamsim:";

/// The built-in module that the host calls.
pub(super) const ENTRY: &str = "streamsim:entry";

const BUILTIN: [(&str, &str); 9] = [
    (WORKERS, include_str!("builtin/workers.js")),
    (CALLS, include_str!("builtin/calls.js")),
    ("streamsim:native", include_str!("builtin/native.js")),
    ("streamsim:clock", include_str!("builtin/clock.js")),
    ("streamsim:chance", include_str!("builtin/chance.js")),
    ("streamsim:text", include_str!("builtin/text.js")),
    ("streamsim:url", include_str!("builtin/url.js")),
    ("streamsim:http", include_str!("builtin/http.js")),
    (ENTRY, include_str!("builtin/entry.js")),
];

pub(super) fn builtin(name: &str) -> Option<&'static str> {
    BUILTIN
        .iter()
        .find(|(builtin, _)| *builtin == name)
        .map(|(_, source)| *source)
}

/// The whole name of what `base` imports as `name`.
pub(super) struct Names;

impl Resolver for Names {
    fn resolve<'js>(
        &mut self,
        _ctx: &Ctx<'js>,
        base: &str,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> Result<String> {
        let is_ours = base.is_empty() || base == CALLS || base.starts_with(INTERNAL);
        if name.starts_with(INTERNAL) && !is_ours {
            return Err(Error::new_resolving(base, name));
        }
        if !name.starts_with("./") && !name.starts_with("../") {
            return Ok(name.to_owned());
        }
        let folder = base.rsplit_once('/').map_or("", |(folder, _)| folder);
        relative(folder, name).ok_or_else(|| Error::new_resolving(base, name))
    }
}

/// None if it leads out of the worker.
fn relative(folder: &str, name: &str) -> Option<String> {
    let mut path: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in name.split('/') {
        match part {
            "." => {}
            ".." => drop(path.pop()?),
            part => path.push(part),
        }
    }
    Some(path.join("/"))
}

pub(super) struct Sources(pub BTreeMap<String, String>);

impl Loader for Sources {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>> {
        let source = builtin(name).or_else(|| self.0.get(name).map(String::as_str));
        let source = source.ok_or_else(|| Error::new_loading(name))?;
        Module::declare(ctx.clone(), name, source)
    }
}
