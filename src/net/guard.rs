//! Names that a server led us to, resolved with care: what they stand for must not be further inside than that server.
//!
//! The check is made on the very addresses that the connection is then opened to, so that a name which stands for one
//! address when it is looked at and for another when it is used gains nothing. Behind a proxy, names are the proxy's to
//! resolve: it sees to what it reaches.

use std::collections::BTreeSet;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::Reach;

/// How names become addresses.
#[derive(Clone, Debug, Default)]
pub(super) enum Names {
    /// As the system says.
    #[default]
    System,
    /// As a test says.
    #[cfg(test)]
    Fixed(std::collections::BTreeMap<String, Vec<std::net::IpAddr>>),
}

impl Names {
    async fn look_up(&self, name: &str) -> std::io::Result<Vec<SocketAddr>> {
        match self {
            // The port is that of the URL, put in by whoever connects.
            Self::System => Ok(tokio::net::lookup_host((name, 0)).await?.collect()),
            #[cfg(test)]
            Self::Fixed(names) => match names.get(name) {
                Some(found) => Ok(found.iter().map(|address| SocketAddr::new(*address, 0)).collect()),
                None => Err(std::io::Error::other("no such name")),
            },
        }
    }
}

/// A name that a server led us to and that stands for nothing but addresses further inside.
#[derive(Debug, thiserror::Error)]
#[error("`{name}` is at a private address, and whoever leads there is not")]
pub struct PrivateName {
    /// The name.
    pub name: String,
}

/// The names that servers led us to. Others that a client resolves, such as its proxy's, are the user's own.
#[derive(Clone, Debug, Default)]
pub(super) struct LedNames(Arc<Mutex<BTreeSet<String>>>);

impl LedNames {
    pub(super) fn add(&self, name: &str) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !names.contains(name) {
            names.insert(name.to_owned());
        }
    }

    fn contains(&self, name: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(name)
    }
}

/// Resolves names for one client; of those that it was led to only the addresses that it may be led to are left.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    pub(super) names: Names,
    pub(super) led: LedNames,
    /// The reach of whoever leads; `None` where nobody does.
    pub(super) from: Option<Reach>,
}

impl Guard {
    async fn open(self, name: String) -> Result<Vec<SocketAddr>, Box<dyn Error + Send + Sync>> {
        let found = self.names.look_up(&name).await?;
        let Some(from) = self.from.filter(|_| self.led.contains(&name)) else { return Ok(found) };
        let open: Vec<_> = found.iter().copied().filter(|found| from.may_lead_to(Reach::of(found.ip()))).collect();
        if open.is_empty() && !found.is_empty() {
            return Err(PrivateName { name }.into());
        }
        Ok(open)
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (this, name) = (self.clone(), name.as_str().to_owned());
        Box::pin(async move { Ok(Box::new(this.open(name).await?.into_iter()) as Addrs) })
    }
}

/// Finds what the guard said in an error of a client.
pub fn private_name<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a PrivateName> {
    error.downcast_ref().or_else(|| error.source().and_then(private_name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_leads_no_further_inside_than_who_leads_to_it() {
        let table = [("s3.example.com", "10.0.0.7"), ("aws.example.com", "169.254.169.254"), ("me.example.com", "::1")];
        let mut names: std::collections::BTreeMap<String, Vec<std::net::IpAddr>> =
            table.map(|(name, address)| (name.to_owned(), vec![address.parse().expect("an address")])).into();
        names.insert("both.example.com".into(), vec![[10, 0, 0, 7].into(), [93, 184, 216, 34].into()]);
        let open = |name: &'static str, from: Reach| {
            let led = LedNames::default();
            led.add(name);
            let guard = Guard { names: Names::Fixed(names.clone()), led, from: Some(from) };
            async move { guard.open(name.to_owned()).await.map(|found| found.len()).ok() }
        };
        for (name, from, expect) in [
            ("s3.example.com", Reach::Public, None),
            ("s3.example.com", Reach::Private, Some(1)),
            ("s3.example.com", Reach::Loopback, Some(1)),
            ("me.example.com", Reach::Private, None),
            ("me.example.com", Reach::Loopback, Some(1)),
            ("aws.example.com", Reach::Public, None),
            ("aws.example.com", Reach::Private, None),
            ("aws.example.com", Reach::Loopback, None),
            ("both.example.com", Reach::Public, Some(1)),
            ("nowhere.example.com", Reach::Loopback, None),
        ] {
            assert_eq!(open(name, from).await, expect, "{name} from {from:?}");
        }
        // A name that nobody led to is the user's own, as that of a proxy is.
        let guard = Guard { names: Names::Fixed(names), led: LedNames::default(), from: Some(Reach::Public) };
        assert_eq!(guard.open("s3.example.com".to_owned()).await.expect("an address").len(), 1);
    }
}
