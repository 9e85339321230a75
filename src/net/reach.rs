//! From where an address can be reached: who is sent on by a server does not go further inside than that server stands.
//!
//! A server that sends us to a private address may want us to ask a metadata service on its behalf.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// From where an address can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// From everywhere.
    Public,
    /// From a network of the owner's.
    Private,
    /// From this machine.
    Loopback,
    /// From this link: metadata services of clouds are here.
    Link,
}

impl Reach {
    /// Returns what the host of a URL tells by itself. A name, but for those of this machine and of a metadata service,
    /// is taken for public: what it stands for is seen when it is resolved ([`super::Connector::led_client`]).
    pub fn of_url(url: &Url) -> Self {
        match url.host() {
            Some(Host::Ipv4(address)) => Self::of(address.into()),
            Some(Host::Ipv6(address)) => Self::of(address.into()),
            Some(Host::Domain(name)) => match name.trim_end_matches('.') {
                "localhost" => Self::Loopback,
                name if name.ends_with(".localhost") => Self::Loopback,
                // Google's name for its metadata service.
                "metadata.google.internal" => Self::Link,
                _ => Self::Public,
            },
            None => Self::Public,
        }
    }

    /// Returns the reach of an address.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    /// Returns whether a server of this reach may send us to one of that reach. A registry on this machine has its storage
    /// beside it or in a container; nobody sends us to a metadata service.
    pub fn may_lead_to(self, to: Self) -> bool {
        matches!(
            (self, to),
            (_, Self::Public) | (Self::Loopback, Self::Loopback | Self::Private) | (Self::Private, Self::Private)
        )
    }

    fn of_v4(a: Ipv4Addr) -> Self {
        match a.octets() {
            [127, ..] => Self::Loopback,
            [169, 254, ..] => Self::Link,
            // This network, which systems take for themselves; carriers' and protocols' own ranges; multicast and above.
            [0, ..] | [192, 0, 0, _] | [224..=255, ..] => Self::Link,
            [100, 64..=127, ..] | [198, 18..=19, ..] => Self::Private,
            _ if a.is_private() => Self::Private,
            _ => Self::Public,
        }
    }

    fn of_v6(a: Ipv6Addr) -> Self {
        let [_, _, b2, b3, b4, b5, .., b12, b13, b14, b15] = a.octets();
        let tail = Ipv4Addr::new(b12, b13, b14, b15);
        match a.segments() {
            [0, 0, 0, 0, 0, 0, 0, 1] => Self::Loopback,
            // Where EC2, ECS and EKS answer over IPv6.
            [0xfd00, 0x0ec2, ..] => Self::Link,
            [0xfc00..=0xfdff, ..] => Self::Private,
            [0xfe80..=0xfeff, ..] | [0xff00..=0xffff, ..] => Self::Link,
            // IPv4 in other clothes: mapped, compatible, NAT64, 6to4.
            [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => Self::of_v4(tail),
            [0x2002, ..] => Self::of_v4(Ipv4Addr::new(b2, b3, b4, b5)),
            _ => Self::Public,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Reach {
        Reach::of_url(&text.parse().expect("a URL"))
    }

    #[test]
    fn numbers_that_are_not_public_are_told() {
        for text in [
            "http://10.1.1.1/",
            "http://169.254.169.254/",
            "http://0x7f000001/",
            "http://0.0.0.0/",
            "http://100.64.0.1/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::127.0.0.1]/",
            "http://[64:ff9b::a9fe:a9fe]/",
            "http://[2002:a9fe:a9fe::]/",
            "http://[fd00:ec2::254]/",
            "http://[fe80::1]/",
            "http://[::]/",
            "http://localhost./",
            "http://a.localhost/",
            "http://metadata.google.internal/",
        ] {
            assert_ne!(of(text), Reach::Public, "{text}");
        }
        for text in ["http://93.184.216.34/", "http://[2606:2800:220:1::1]/", "http://r.example.com/"] {
            assert_eq!(of(text), Reach::Public, "{text}");
        }
    }
}
