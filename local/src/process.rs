//! A child process that ends together with this process, with all its descendants.
//!
//! The child gets a process group of its own, so that a Ctrl-C in the terminal reaches only us, and everything ends in order: SIGTERM to the
//! group, a few seconds of grace, then SIGKILL to every descendant that is left. This happens when the [`Child`] is dropped: after Ctrl-C, an
//! error or a panic. If this process itself is killed (SIGKILL, out of memory), the guard ends the group. The guard is a shell that reads
//! from a pipe of ours, and notices that the pipe is closed.

use std::{
    io,
    os::unix::process::CommandExt as _,
    process::{Command, ExitStatus, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process};

/// The time between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(5);

/// A running child with its guard.
pub(crate) struct Child {
    child: std::process::Child,
    guard: std::process::Child,
}

impl Child {
    /// Starts a command in a process group of its own.
    ///
    /// # Errors
    /// Returns the system's error if the command or `sh` cannot be started.
    pub(crate) fn spawn(command: &mut Command) -> io::Result<Self> {
        let mut child = command.process_group(0).stdin(Stdio::null()).spawn()?;
        let guard = Command::new("sh")
            .args(["-c", "read -r _; kill -s TERM -- \"-$1\" 2>/dev/null", "guard", &child.id().to_string()])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match guard {
            Ok(guard) => Ok(Self { child, guard }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    /// The exit status, if the child has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let group = Pid::from_child(&self.child);
        if self.ended().is_none() {
            let tree = descendants(group);
            let _ = kill_process_group(group, Signal::TERM);
            let deadline = Instant::now() + GRACE;
            let left = |pid: &Pid| test_kill_process(*pid).is_ok();
            while (self.ended().is_none() || tree.iter().any(left)) && Instant::now() < deadline {
                sleep(Duration::from_millis(20));
            }
            for pid in tree.into_iter().filter(left) {
                let _ = kill_process(pid, Signal::KILL);
            }
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        let _ = kill_process_group(group, Signal::KILL);
        // Last, because the guard must work until everything else has ended.
        let _ = self.guard.kill();
        let _ = self.guard.wait();
    }
}

/// Lists all descendants of a process with `ps`, because a signal to the group does not reach those that have left the group.
fn descendants(root: Pid) -> Vec<Pid> {
    let Ok(output) = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).stdin(Stdio::null()).output() else {
        return Vec::new();
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let pairs: Vec<(Pid, Pid)> = text
        .lines()
        .filter_map(|line| {
            let mut numbers = line.split_whitespace().map(|number| number.parse().ok().and_then(Pid::from_raw));
            Some((numbers.next()??, numbers.next()??))
        })
        .collect();
    let mut found = vec![root];
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        found.extend(pairs.iter().filter(|(_, above)| *above == parent).map(|(pid, _)| *pid));
        at += 1;
    }
    found.split_off(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds: longer than a test waits, but short enough for a process that a failed test leaves behind.
    const NAP: &str = "60";

    fn pid(text: &str) -> Pid {
        Pid::from_raw(text.trim().parse().unwrap()).unwrap()
    }

    fn gone(pid: Pid) -> bool {
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            // A zombie still has an id, until its parent waits for it.
            let state = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().unwrap().stdout;
            if state.is_empty() || state.starts_with(b"Z") {
                return true;
            }
            sleep(Duration::from_millis(20));
        }
        false
    }

    fn first_line(file: &std::path::Path) -> String {
        loop {
            match std::fs::read_to_string(file) {
                Ok(text) if text.ends_with('\n') => return text,
                _ => sleep(Duration::from_millis(10)),
            }
        }
    }

    #[test]
    fn dropping_ends_a_child_and_what_left_its_group() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        // The inner shell has a session of its own and ignores SIGTERM.
        let script = format!("setsid sh -c 'trap \"\" TERM; echo $$ > {}; sleep {NAP}; :' & wait", file.display());
        let child = Child::spawn(Command::new("sh").args(["-c", &script])).unwrap();
        let inner = pid(&first_line(&file));
        let outer = pid(&child.child.id().to_string());
        drop(child);
        assert!(gone(outer) && gone(inner));
    }

    #[test]
    fn the_guard_ends_a_child_whose_parent_was_killed() {
        let mut child = Child::spawn(Command::new("sleep").arg(NAP)).unwrap();
        let pid = pid(&child.child.id().to_string());
        // This closes the pipe, as the end of this process would.
        drop(child.guard.stdin.take());
        assert!(gone(pid));
    }
}
