//! A worker that comes with its own code, to be loaded when it is called.

use super::fields::{Field, Invalid, Object, Written};
use serde_json::Value;

/// The binding under which a descriptor expects the loader, unless it names another.
pub const LOADER_BINDING: &str = "LOADER";

#[derive(Clone, Debug, PartialEq)]
pub struct DynamicWorker {
    loader_binding_name: Option<String>,
    pub code: WorkerCode,
    /// The loader keeps one worker under this id; without one, every call loads its own.
    pub id: Option<String>,
    pub entrypoint: Option<Entrypoint>,
}

/// The modules of a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerCode {
    /// `YYYY-MM-DD`.
    pub compatibility_date: String,
    pub compatibility_flags: Option<Vec<String>>,
    /// One of the modules.
    pub main_module: String,
    /// Name, which ends in `.js`, and source.
    pub modules: Vec<(String, String)>,
}

/// What of a worker is called.
#[derive(Clone, Debug, PartialEq)]
pub struct Entrypoint {
    /// The export; the default one, if none is named.
    pub name: Option<String>,
    /// `ctx.props`; any JSON.
    pub props: Option<Value>,
}

impl DynamicWorker {
    pub fn loader_binding_name(&self) -> &str {
        self.loader_binding_name
            .as_deref()
            .unwrap_or(LOADER_BINDING)
    }

    pub(super) fn parse(object: &mut Object<'_>) -> Result<Self, Invalid> {
        let binding = object.optional("workerLoaderBindingName");
        let code = object.required("workerCode")?;
        let loader = object.optional("loader");
        let entrypoint = object.optional("entrypoint");
        Ok(DynamicWorker {
            loader_binding_name: binding.map(|name| name.name()).transpose()?,
            code: WorkerCode::parse(code)?,
            id: loader.map(parse_loader).transpose()?,
            entrypoint: entrypoint.map(Entrypoint::parse).transpose()?,
        })
    }

    pub(super) fn write(&self, written: Written) -> Written {
        let loader = |id: &String| Written::default().with("type", "get").with("id", &**id);
        written
            .with_some("workerLoaderBindingName", self.loader_binding_name.clone())
            .with("workerCode", self.code.to_json())
            .with_some("loader", self.id.as_ref().map(loader))
            .with_some(
                "entrypoint",
                self.entrypoint.as_ref().map(Entrypoint::to_json),
            )
    }
}

fn parse_loader(field: Field<'_>) -> Result<String, Invalid> {
    let mut object = field.object()?;
    object.required("type")?.one_of(&[("get", ())])?;
    let id = object.required("id")?.name()?;
    object.end()?;
    Ok(id)
}

impl WorkerCode {
    fn parse(field: Field<'_>) -> Result<Self, Invalid> {
        let mut object = field.object()?;
        let date = object.required("compatibilityDate")?;
        let flags = object.optional("compatibilityFlags");
        let main_module = object.required("mainModule")?;
        let modules = object.required("modules")?;
        let code = WorkerCode {
            compatibility_date: date.parse(compatibility_date)?,
            compatibility_flags: flags.map(compatibility_flags).transpose()?,
            main_module: main_module.name()?,
            modules: modules.entries(|source| source.text().map(str::to_owned))?,
        };
        object.end()?;
        let names = || code.modules.iter().map(|(name, _)| name);
        if let Some(name) = names().find(|name| !name.ends_with(".js")) {
            return Err(modules.refuse(format!(
                "must have names that end in \".js\", unlike {name:?}"
            )));
        }
        if !names().any(|name| *name == code.main_module) {
            return Err(main_module.refuse("must be one of the modules"));
        }
        Ok(code)
    }

    fn to_json(&self) -> Value {
        let modules = self.modules.iter();
        let modules: serde_json::Map<String, Value> = modules
            .map(|(name, source)| (name.clone(), source.as_str().into()))
            .collect();
        Written::default()
            .with("compatibilityDate", self.compatibility_date.as_str())
            .with_some("compatibilityFlags", self.compatibility_flags.clone())
            .with("mainModule", self.main_module.as_str())
            .with("modules", modules)
            .into()
    }
}

fn compatibility_date(text: &str) -> Result<String, String> {
    let is_date = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    match is_date {
        true => Ok(text.to_owned()),
        false => Err("must be a date YYYY-MM-DD".to_owned()),
    }
}

fn compatibility_flags(field: Field<'_>) -> Result<Vec<String>, Invalid> {
    let flags = field.json().as_array();
    let flags = flags.and_then(|flags| {
        let flags = flags.iter().map(|flag| flag.as_str().map(str::to_owned));
        flags.collect()
    });
    flags.ok_or_else(|| field.refuse("must be a list of strings"))
}

impl Entrypoint {
    fn parse(field: Field<'_>) -> Result<Self, Invalid> {
        let mut object = field.object()?;
        let name = object.optional("name");
        let entrypoint = Entrypoint {
            name: name.map(|name| name.name()).transpose()?,
            props: object.optional("props").map(|props| props.json().clone()),
        };
        object.end()?;
        Ok(entrypoint)
    }

    fn to_json(&self) -> Value {
        Written::default()
            .with_some("name", self.name.clone())
            .with_some("props", self.props.clone())
            .into()
    }
}
