//! Stops a build without `--cfg madsim` at one sentence, before anything fails to compile.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_CFG_MADSIM").is_none() {
        println!(
            "cargo::error=streamsim runs on madsim: build it with RUSTFLAGS=\"--cfg madsim\", \
             or from within this repository, whose .cargo/config.toml sets it"
        );
    }
}
