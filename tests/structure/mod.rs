//! What must stay in step: crates, template, functions, events, pages.

mod alarms;
mod arrows;
mod authorization;
mod environment;
mod events;
mod functions;
mod least_privilege;
mod operations;
mod pages;
mod restored_table;
mod routes;
mod security;
mod sources;

use std::path::Path;

use sporlog_local::template::{Deployment, Template};

/// The routes that everybody may take: how to call the API is no secret.
pub(crate) const PUBLIC_ROUTES: [&str; 1] = ["GET /openapi.json"];

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The template as the local run reads it.
pub(crate) fn template() -> Template {
    Template::embedded(&Deployment::default()).unwrap()
}
