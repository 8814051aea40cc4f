//! A newcomer's first ten minutes: one command, and a tour whose lines work when they are pasted.

use crate::harness::{gateway::free_block, until};
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};

/// At least as many ports as the demo takes from its base on.
const PORTS: u16 = 30;

struct Demo {
    process: Child,
    said: Arc<Mutex<Vec<String>>>,
}

impl Demo {
    fn start() -> Demo {
        let base = free_block(PORTS).to_string();
        let mut process = Command::new(env!("CARGO_BIN_EXE_dndgate"))
            .args(["demo", "--port-base", &base])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        let stdout = process.stdout.take().expect("what it says");
        let said = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&said);
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                lines.lock().expect("unpoisoned").push(line);
            }
        });
        Demo { process, said }
    }

    /// The lines to paste under the heading with that number, of which so many come.
    fn lines(&self, number: usize, count: usize) -> Vec<String> {
        let heading = format!("{number}. ");
        until(&format!("the tour's step {number}"), || {
            let said = self.said.lock().expect("unpoisoned");
            let at = said.iter().position(|line| line.starts_with(&heading))?;
            let lines: Vec<String> =
                said[at + 2..].iter().take_while(|line| !line.is_empty()).cloned().collect();
            (lines.len() >= count).then_some(lines)
        })
    }

    /// Pastes them into a shell; what each prints.
    fn paste(&self, number: usize, count: usize) -> Vec<String> {
        let lines = self.lines(number, count);
        assert_eq!(lines.len(), count, "step {number}: {lines:#?}");
        let ran = lines.iter().map(|line| {
            let ran = Command::new("sh").args(["-c", line]).stdin(Stdio::null()).output().expect("a shell");
            let out = String::from_utf8_lossy(&ran.stdout).into_owned();
            // `why` answers "no" with 1.
            let fine = ran.status.success() || (line.contains(" why ") && ran.status.code() == Some(1));
            assert!(fine, "{line}\n{out}\n{}", String::from_utf8_lossy(&ran.stderr));
            out
        });
        ran.collect()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn the_tour_works_as_it_is_printed() {
    let mut demo = Demo::start();
    let first = demo.paste(1, 5);
    for sent in &first[..4] {
        assert!(sent.contains("\"sid\"") || sent.contains("Queued"), "{sent}");
    }
    assert!(first[4].contains("Hello Ada") && first[4].contains("ada@"), "{}", first[4]);
    demo.paste(2, 1);
    let third = demo.paste(3, 2);
    assert!(third[0].contains(" 400 ") && third[0].contains("21610"), "{}", third[0]);
    assert!(
        third[0].to_lowercase().contains("dndgate-verdict: blocked; channel=sms; reason=keyword"),
        "{}",
        third[0]
    );
    assert!(third[1].contains(" 201 "), "{}", third[1]);
    let fourth = demo.paste(4, 3);
    assert!(fourth[0].contains("\"blocked\""), "{}", fourth[0]);
    assert!(fourth[1].contains("would be blocked: keyword"), "{}", fourth[1]);
    assert!(fourth[2].contains("reason=\"keyword\""), "{}", fourth[2]);
    let fifth = demo.paste(5, 2);
    assert!(fifth[1].contains(" 201 "), "{}", fifth[1]);
    let sixth = demo.paste(6, 1);
    assert!(sixth[0].to_lowercase().contains("dndgate-verdict: trimmed; blocked=1"), "{}", sixth[0]);
    let seventh = demo.paste(7, 1);
    assert!(seventh[0].contains("opt_out") && seventh[0].contains("none"), "{}", seventh[0]);
    let eighth = demo.paste(8, 3);
    assert!(eighth[2].contains("21216"), "{}", eighth[2]);
    let ninth = demo.paste(9, 3);
    assert!(ninth[0].contains("\"List-Unsubscribe-Post\":\"List-Unsubscribe=One-Click\""), "{}", ninth[0]);
    assert!(ninth[1].contains("name=\"channels\" value=\"Email\" checked"), "{}", ninth[1]);
    assert!(ninth[2].contains("Done. You will no longer get:"), "{}", ninth[2]);
    let pid = demo.process.id();
    let interrupted = Command::new("sh").args(["-c", &format!("kill -INT {pid}")]).status().expect("a shell");
    assert!(interrupted.success());
    let ended = until("the demo to end", || demo.process.try_wait().expect("its state"));
    assert!(ended.success(), "Ctrl-C ends it cleanly: {ended}");
}
