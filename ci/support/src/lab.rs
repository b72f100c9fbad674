//! Labs: the committed WebAssembly against the crate that pages print.

use std::collections::BTreeMap;

use wasmi::{Engine, Instance, Linker, Memory, Module, Store, TypedFunc};

use crate::{captured, evidence};

/// A lab's WebAssembly, in an interpreter.
struct Lab {
    store: Store<()>,
    memory: Memory,
    command: TypedFunc<u32, u32>,
    answer: TypedFunc<(), u32>,
    answered: TypedFunc<(), u32>,
}

impl Lab {
    fn load(bytes: &[u8]) -> Result<Lab, wasmi::Error> {
        let engine = Engine::default();
        let module = Module::new(&engine, bytes)?;
        let mut store = Store::new(&engine, ());
        // No imports: a lab that asks its surroundings for anything is refused here, as in the page.
        let instance: Instance = Linker::new(&engine).instantiate_and_start(&mut store, &module)?;
        let memory = instance
            .get_memory(&store, "memory")
            .ok_or_else(|| wasmi::Error::new("it exports no memory"))?;
        Ok(Lab {
            command: instance.get_typed_func(&store, "command")?,
            answer: instance.get_typed_func(&store, "answer")?,
            answered: instance.get_typed_func(&store, "answered")?,
            memory,
            store,
        })
    }

    fn ask(&mut self, command: &str) -> Result<String, wasmi::Error> {
        let length = u32::try_from(command.len()).map_err(|_| wasmi::Error::new("a command too long"))?;
        let room = self.command.call(&mut self.store, length)?;
        let outside = |_| wasmi::Error::new("it points outside its memory");
        let write = self.memory.write(&mut self.store, room as usize, command.as_bytes());
        write.map_err(outside)?;
        let length = self.answer.call(&mut self.store, ())?;
        let at = self.answered.call(&mut self.store, ())?;
        let mut said = vec![0; length as usize];
        let read = self.memory.read(&self.store, at as usize, &mut said);
        read.map_err(outside)?;
        Ok(String::from_utf8_lossy(&said).into_owned())
    }
}

/// Asks `theme/labs/NAME.wasm` and the crate's own `answer` every command, and notes that they said the same. Keeps
/// what they said to `shown`, the states that pages begin with, for readers without a script.
///
/// # Panics
/// When the file is missing, is no lab, or says anything else.
#[track_caller]
pub fn same_as_native(name: &str, answer: fn(&str) -> String, shown: &[&str], commands: &[String]) {
    let path = format!("theme/labs/{name}.wasm");
    let fix = format!("fix: cargo book lab build {name}");
    let bytes = match std::fs::read(crate::root().join(&path)) {
        Ok(bytes) => bytes,
        Err(e) => panic!("{path} cannot be read: {e}\n  {fix}"),
    };
    let mut lab = Lab::load(&bytes).unwrap_or_else(|e| panic!("{path} is no lab: {e}\n  {fix}"));
    for command in shown.iter().copied().chain(commands.iter().map(String::as_str)) {
        let wasm = lab.ask(command).unwrap_or_else(|e| format!("a trap: {e}"));
        let native = answer(command);
        assert!(
            wasm == native,
            "{path} differs from the crate {name}\n  asked: {command}\n  WebAssembly: {wasm}\n  native: {native}\n  {fix}"
        );
    }
    let said: BTreeMap<&str, serde_json::Value> = shown
        .iter()
        .map(|command| {
            let said = serde_json::from_str(&answer(command));
            (
                *command,
                said.unwrap_or_else(|e| panic!("{name}: the answer to {command} is no JSON: {e}")),
            )
        })
        .collect();
    let text = serde_json::to_string_pretty(&said).expect("JSON");
    captured(&format!("theme/labs/captured/{name}.json"), &text);
    let asked = shown.len() + commands.len();
    evidence::note("matched", &path, &format!("the same answer to {asked} commands"));
}

/// Numbers from a fixed seed, each the same in every run: `xorshift64` (Marsaglia, 2003).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Default for Dice {
    fn default() -> Dice {
        Dice(0x9e37_79b9_7f4a_7c15)
    }
}

impl Dice {
    /// A number from 0 to `most`.
    pub fn roll(&mut self, most: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from((self.0 >> 16) % (u64::from(most) + 1)).unwrap_or(most)
    }

    /// One of several.
    ///
    /// # Panics
    /// When there is none.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let last = u32::try_from(of.len() - 1).expect("few");
        &of[self.roll(last) as usize]
    }
}
