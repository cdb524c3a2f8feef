//! Makes the JavaScript module beside a wasm that cargo built: `bindgen WASM DIRECTORY NAME` writes
//! `NAME.js` and `NAME_bg.wasm`. It does what wasm-bindgen's command line does with `--target web
//! --no-typescript --omit-default-module-path --remove-producers-section`, and compiles in a
//! fraction of the time: the rest of that command line is a test runner and a server.

use std::error::Error;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [wasm, directory, name] = args.as_slice() else {
        return Err(format!("usage: bindgen WASM DIRECTORY NAME; given: {}", args.join(" ")).into());
    };
    Bindgen::new()
        .web(true)?
        .typescript(false)
        .omit_default_module_path(true)
        .remove_producers_section(true)
        .input_path(wasm)
        .out_name(name)
        .generate(directory)?;
    Ok(())
}
