//! The pages of `docs/api`: every operation has an example, and every example is what the system answers.
//!
//! An example is a pair of fenced blocks with the info string `http`. Credentials are placeholders, `{admin}` or `{audit.all}`: roles
//! and scopes of the page's organization, or `{platform:admin}`, who runs Sporlog. Of the answer's headers only those that the page
//! names are compared; ids and instants that Sporlog made may be others of the same form, and later requests use the actual ones.

mod known;
mod page;
mod runner;

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use self::known::Known;
pub(crate) use self::page::{Example, Request};
use self::page::{Problem, examples};
use sporlog_local::s3::RoleDefinition;

use crate::harness::{Caller, SAMPLES, System, in_batch, scope_of};
use crate::structure::{root, template};

/// A page, whose routes it describes, and what it takes for granted.
pub(crate) struct Page {
    file: &'static str,
    function: &'static str,
    org: &'static str,
    setup: Setup,
}

/// What is there before the first request.
#[derive(Debug, Clone, Copy)]
enum Setup {
    Nothing,
    /// What `sporlog send` makes of `events/folio`.
    FolioSamples,
    /// An export that has run once, into a bucket with a role that works.
    FirstExport,
}

pub(crate) const PAGES: [Page; 7] = [
    Page {
        file: "acquisition-audit.md",
        function: "AcquisitionAuditFunction",
        org: "diku",
        setup: Setup::FolioSamples,
    },
    Page { file: "audit-config.md", function: "AuditConfigFunction", org: "diku", setup: Setup::Nothing },
    Page { file: "audit-export.md", function: "AuditExportFunction", org: "diku", setup: Setup::FirstExport },
    Page {
        file: "bufdir-export-audit.md",
        function: "BufdirExportAuditFunction",
        org: "org-bufdir-042",
        setup: Setup::Nothing,
    },
    Page { file: "kyc-audit-log.md", function: "KycAuditLogFunction", org: "auditply", setup: Setup::Nothing },
    Page { file: "openapi.md", function: "OpenapiFunction", org: "diku", setup: Setup::Nothing },
    Page { file: "organizations.md", function: "OrganizationsFunction", org: "diku", setup: Setup::Nothing },
];

impl Page {
    fn examples(&self) -> Vec<Example> {
        let markdown = fs::read_to_string(root().join("docs/api").join(self.file)).unwrap();
        examples(&markdown).unwrap_or_else(|problem| panic!("{}", self.told(&problem)))
    }

    /// Does everything on the page; what the first answer that is another has instead.
    pub(crate) async fn run(&self, system: &System) -> Option<String> {
        let mut known = set_up(system, self.org, self.setup).await;
        let run = runner::run(system, self.org, &mut known, &self.examples()).await;
        run.err().map(|problem| self.told(&problem))
    }

    fn told(&self, Problem { line, text }: &Problem) -> String {
        format!("docs/api/{}:{line}: {text}", self.file)
    }
}

async fn set_up(system: &System, org: &str, setup: Setup) -> Known {
    let mut known = Known::default();
    match setup {
        Setup::Nothing => {}
        Setup::FirstExport => first_export(system, org).await,
        Setup::FolioSamples => {
            let events = SAMPLES.map(|(entity_type, payload)| {
                known.sent(payload);
                in_batch(org, entity_type, &serde_json::from_str::<Value>(payload).unwrap())
            });
            assert_eq!(system.ingest(events.to_vec()).await["stored"], SAMPLES.len());
        }
    }
    known
}

/// What the page takes for granted: a registered organization whose only event is that.
async fn first_export(system: &System, id: &str) {
    let put = system.call(&Caller::platform_admin(), "PUT", &format!("/orgs/{id}"), None).await;
    assert_eq!(put.status, 201, "{}", put.text());
    let external_id = system.stack.store.export_external_id(&scope_of(id)).await.unwrap();
    let role = RoleDefinition {
        name: "sporlog-audit-export".to_owned(),
        bucket: "diku-audit-logs".to_owned(),
        external_id: Some(external_id.as_str().to_owned()),
        deny: None,
    };
    let arn = system.stack.storage.define_role(&role).unwrap();
    system.configure_export(id, &role.bucket, arn.as_str(), external_id).await;
    system.export(id).await;
}

/// Every page's name, without its ending, and examples.
pub(crate) fn pages() -> impl Iterator<Item = (&'static str, Vec<Example>)> {
    PAGES.iter().map(|page| (page.file.trim_end_matches(".md"), page.examples()))
}

#[test]
fn every_page_has_a_row_and_the_reverse() {
    let files = fs::read_dir(root().join("docs/api")).unwrap().map(|entry| entry.unwrap().file_name());
    let files: BTreeSet<String> = files.map(|name| name.into_string().unwrap()).collect();
    assert_eq!(files, PAGES.map(|page| page.file.to_owned()).into());
}

#[test]
fn every_function_with_routes_has_a_page() {
    let functions = template().functions.into_iter().filter(|function| !function.routes.is_empty());
    let functions: BTreeSet<String> = functions.map(|function| function.logical_id).collect();
    assert_eq!(functions, PAGES.map(|page| page.function.to_owned()).into());
}

#[test]
fn every_route_has_an_example_on_its_page() {
    for page in &PAGES {
        let (template, examples) = (template(), page.examples());
        for route in &template.function(page.function).unwrap().routes {
            let shown = examples.iter().any(|example| example.request.takes(route));
            assert!(shown, "docs/api/{}: no example of {} {}", page.file, route.method, route.path);
        }
    }
}

/// Sends the requests of the pages that take that for granted.
async fn answers_as_told(takes: impl Fn(Setup) -> bool) {
    let mut problems = Vec::new();
    for page in PAGES.iter().filter(|page| takes(page.setup)) {
        let system = System::start().await;
        problems.extend(page.run(&system).await);
        system.stop().await;
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn every_example_is_answered_as_its_page_says() {
    answers_as_told(|setup| !matches!(setup, Setup::FirstExport)).await;
}

/// The page has names of the local run: its account, bucket and role.
#[tokio::test(flavor = "multi_thread")]
async fn every_example_of_an_export_is_answered_as_its_page_says() {
    answers_as_told(|setup| matches!(setup, Setup::FirstExport)).await;
}
