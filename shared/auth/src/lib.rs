//! Who may do what, pure.
//!
//! Owns the [`Principal`] that the authorizer hands to every function, the policy table ([`Action::rule`], of which
//! `docs/authorization.md` is made) and [`TenantScope`], the proof that a check was made. Must not know how a credential is verified (that is the `authorizer` function) or how
//! a refusal looks on the wire (that is `http`).
//!
//! Architecture invariant: every store method that touches an organization's data takes a [`TenantScope`], and only this
//! crate can make one. Forgetting the check does not compile.

mod document;
mod key_scope;
mod operation;
mod policy;
mod principal;
mod scope;

pub use document::authorization_document;
pub use key_scope::KeyScope;
pub use operation::operation;
pub use policy::{Action, ApiScope, PLATFORM_ADMIN, Rule};
pub use principal::{Principal, Role};
pub use scope::{Denied, Service, TenantScope};
