//! The store that the routes of `links-api` get here: links at the resolver, clicks on their way to the broker.

use links_api::link::{Code, Target};
use links_api::store::{Failure, Links};
use links_contract::click::Click;

use crate::clicks::Clicks;
use crate::resolver::Resolver;

// ANCHOR: connected
/// Links that live somewhere else.
#[derive(Clone, Debug)]
pub struct Connected {
    /// Who keeps them.
    pub resolver: Resolver,
    /// Where a click is left.
    pub clicks: Clicks,
}
// ANCHOR_END: connected

impl Links for Connected {
    async fn create(&self, target: Target) -> Result<Code, Failure> {
        self.resolver.create(&target).await
    }

    async fn find(
        &self,
        code: &Code,
    ) -> Result<Option<Target>, Failure> {
        self.resolver.find(code).await
    }

    async fn delete(&self, code: &Code) -> Result<bool, Failure> {
        self.resolver.delete(code).await
    }

    async fn list(&self) -> Result<Vec<(Code, Target)>, Failure> {
        self.resolver.list().await
    }

    // ANCHOR: hooks
    fn followed(&self, code: &Code) {
        self.clicks.offer(Click::new(code.to_string()));
    }

    /// The broker does not count: a redirect needs none, and clicks
    /// wait for it.
    fn is_ready(&self) -> bool {
        self.resolver.is_serving()
    }
    // ANCHOR_END: hooks
}
