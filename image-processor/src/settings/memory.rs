//! How much of the function's memory a source may use.

use common::settings::Reader;

/// Memory that the process needs besides a source, in bytes: for the program, its connections and its uploads in progress.
pub(super) const OWN_MEMORY: u64 = 96 << 20;

/// Reads how many bytes of the function's memory are left for a source; `default` outside of Lambda.
pub(super) fn memory(reader: &mut Reader, default: u64) -> u64 {
    match reader.or("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 0_u64) {
        0 => default,
        mebibytes => (mebibytes << 20).saturating_sub(OWN_MEMORY),
    }
}

#[cfg(test)]
mod tests {
    use thumbnail::Limits;

    use super::super::tests::read;

    #[test]
    fn the_functions_memory_limits_what_a_picture_may_take() {
        let max_memory = |variables: &[_]| read(variables).unwrap().thumbnails.limits.max_memory;
        assert_eq!(max_memory(&[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")]), 32 << 20);
        assert_eq!(max_memory(&[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769")]), 1673 << 20);
        assert_eq!(max_memory(&[]), Limits::default().max_memory);
    }

    /// The header announces an interlaced PNG of 20 megapixels, which is decoded at full size.
    #[test]
    fn a_rejection_names_the_memory_with_which_the_picture_is_let_in() {
        let rejection = |megabytes: &str| {
            let options = read(&[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", megabytes)]).unwrap().thumbnails;
            let header = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x14\0\0\0\x10\0\x10\x06\0\0\x01\0\0\0\0";
            thumbnail::make(header, &options).unwrap_err()
        };
        let refused = rejection("128");
        assert_eq!(refused.reason.code(), "needs-more-memory");
        assert!(refused.detail.contains("128 MB are there"), "{}", refused.detail);
        let named = refused.detail.split(' ').find(|word| word.parse::<u64>().is_ok()).unwrap();
        assert_ne!(rejection(named).reason, refused.reason, "{named}");
        let less = (named.parse::<u64>().unwrap() - 1).to_string();
        assert_eq!(rejection(&less).reason, refused.reason, "{less}");
    }
}
