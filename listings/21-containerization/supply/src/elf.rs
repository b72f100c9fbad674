//! Which processor a program is for.

// ANCHOR: machine
/// The processor that an ELF file names, in the words of `readelf`.
/// `None`: it is no such file, or for a third processor.
pub fn machine(program: &[u8]) -> Option<&'static str> {
    let little_endian = program.starts_with(b"\x7fELF\x02\x01");
    let number = program.get(18..20).filter(|_| little_endian)?;
    match u16::from_le_bytes([number[0], number[1]]) {
        62 => Some("x86-64"),
        183 => Some("AArch64"),
        _ => None,
    }
}
// ANCHOR_END: machine

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_processor_is_none_of_the_two() {
        let mut program = [0; 20];
        program[..6].copy_from_slice(b"\x7fELF\x02\x01");
        program[18] = 243; // RISC-V
        assert_eq!(machine(&program), None);
    }

    #[test]
    fn this_test_is_for_the_processor_that_runs_it() {
        let own = std::fs::read("/proc/self/exe").unwrap();
        let names = [("x86_64", "x86-64"), ("aarch64", "AArch64")];
        let name = names.into_iter().find_map(|(arch, name)| {
            (arch == std::env::consts::ARCH).then_some(name)
        });
        assert_eq!(machine(&own), name);
        assert_eq!(machine(b"#!/bin/sh\n"), None);
        assert_eq!(machine(b"\x7fELF\x02\x01"), None);
    }
}
