//! How often somebody may be wrong when signing in: by where it comes from, and by the name that is tried.

use crate::{clock, config, unsubscribe::Limit};
use std::net::{IpAddr, Ipv6Addr};

/// From where, and for whom, somebody tries to sign in.
pub(super) struct Tried {
    /// An IPv4 address, or the /64 that one subscriber has of IPv6.
    place: IpAddr,
    name: Option<String>,
}

impl Tried {
    pub(super) fn new(peer: IpAddr, name: Option<&str>) -> Tried {
        let place = match peer.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
            v4 => v4,
        };
        Tried { place, name: name.map(str::to_lowercase) }
    }

    /// Counts it; false when there were too many failures in this minute.
    pub(super) fn may(&self, failures: &Limit, limits: &config::Admin) -> bool {
        let now = clock::tick();
        let by_place = failures.take(self.place, limits.sign_in_failures, now);
        by_place && self.name.as_ref().is_none_or(|name| failures.take(name, limits.account_failures, now))
    }

    /// It was no failure.
    pub(super) fn was_right(&self, failures: &Limit) {
        failures.give_back(self.place);
        if let Some(name) = &self.name {
            failures.give_back(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_count_for_an_ipv4_address_an_ipv6_network_and_a_name_in_any_case() {
        let place = |address: &str| Tried::new(address.parse().expect("an address"), None).place;
        assert_eq!(place("2001:db8::1"), place("2001:db8::ffff:1"));
        assert_ne!(place("2001:db8::1"), place("2001:db8:0:1::1"));
        assert_eq!(place("::ffff:192.0.2.1"), place("192.0.2.1"));
        assert_ne!(place("192.0.2.1"), place("192.0.2.2"));
        let limits = config::Admin { sign_in_failures: 9, account_failures: 2, ..config::Admin::default() };
        let failures = Limit::default();
        let tried = |name: &str, host: u8| Tried::new([192, 0, 2, host].into(), Some(name));
        assert!(tried("grace", 1).may(&failures, &limits) && tried("GRACE", 2).may(&failures, &limits));
        assert!(!tried("Grace", 3).may(&failures, &limits));
        assert!(tried("ada", 3).may(&failures, &limits), "somebody else");
        let right = tried("linus", 4);
        for _ in 0..20 {
            assert!(right.may(&failures, &limits), "success is no failure");
            right.was_right(&failures);
        }
    }
}
