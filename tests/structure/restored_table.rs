use std::collections::BTreeMap;
use std::fs;

use sporlog_local::template::{Deployment, Template};

use super::root;

/// The template with another table in the place of its own.
fn restored() -> Template {
    let parameters = BTreeMap::from([("RestoredTableName".to_owned(), "sporlog-restored".to_owned())]);
    Template::embedded(&Deployment { parameters, ..Deployment::default() }).unwrap()
}

#[test]
fn every_function_uses_the_restored_table() {
    let tables =
        restored().functions.into_iter().filter_map(|function| function.environment.get("TABLE_NAME").cloned());
    let tables: Vec<_> = tables.collect();
    assert!(tables.len() >= 11 && tables.iter().all(|table| table == "sporlog-restored"), "{tables:?}");
}

/// Whatever names the table, in a policy, an alarm or an output, names the restored one when there is one.
#[test]
fn nothing_names_the_table_alone() {
    let template = fs::read_to_string(root().join("template.yaml")).unwrap();
    let names = |line: &&str| {
        ["!Ref Table]", "!Ref Table}", "!Ref Table\n", "Table.Arn", "${Table}"]
            .iter()
            .any(|name| format!("{line}\n").contains(name))
    };
    let naming: Vec<_> = template.lines().filter(names).collect();
    assert!(naming.len() >= 24, "{naming:#?}");
    let alone: Vec<_> = naming.iter().filter(|line| !line.contains("[UsesRestoredTable, ")).collect();
    assert!(alone.is_empty(), "{alone:#?}");
}
