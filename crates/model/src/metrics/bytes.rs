//! Payload bytes: the sum of [`super::Arrival::bytes`], doubled messages included, since they crossed the wire too.
//!
//! Not the bytes on the wire: those are IP bytes, and only the link can count them. It is labelled so everywhere.

#[derive(Clone, Debug, Default)]
pub(super) struct PayloadBytes(u64);

impl PayloadBytes {
    pub(super) fn add(&mut self, bytes: u32) {
        self.0 = self.0.saturating_add(u64::from(bytes));
    }

    pub(super) fn total(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_add_up() {
        let mut bytes = PayloadBytes(u64::MAX - 1);
        bytes.add(u32::MAX);
        assert_eq!(bytes.total(), u64::MAX);
    }
}
