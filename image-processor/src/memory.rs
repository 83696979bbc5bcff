//! The peak memory of the process, as counted by Linux: <https://man7.org/linux/man-pages/man5/proc_pid_status.5.html>.

use std::fs;

/// Resets the peak. If the kernel does not allow it, the peak remains that of the whole life of the process.
pub(crate) fn reset_peak() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// Returns the peak memory since the last reset in bytes; `None` if the kernel does not count it.
pub(crate) fn peak() -> Option<u64> {
    read_peak(&fs::read_to_string("/proc/self/status").ok()?)
}

fn read_peak(status: &str) -> Option<u64> {
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?;
    Some(kibibytes.parse::<u64>().ok()? << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_in_bytes() {
        assert_eq!(read_peak("VmPeak:\t    9000 kB\nVmHWM:\t    1234 kB\nVmRSS:\t 12 kB\n"), Some(1234 << 10));
        assert_eq!(read_peak("VmRSS:\t 12 kB\n"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_peak_counts_what_was_held_since_the_reset() {
        const SIZE: usize = 64 << 20;
        reset_peak();
        let before = peak().unwrap();
        drop(std::hint::black_box(vec![1_u8; SIZE]));
        assert!(peak().unwrap() >= before + (SIZE / 2) as u64);
    }
}
