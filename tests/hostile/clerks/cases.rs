use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use uuid::Uuid;

use super::of_type;
use crate::hostile::tally::{Credential, is_busy};
use crate::hostile::world::World;

const CASES: usize = 3;

/// Case and id: an entry.
type EntryId = (usize, u64);

/// Appends to the KYC cases of an organization and reads them.
pub(in crate::hostile) struct Cases<'a> {
    world: &'a World,
    org: String,
    key: String,
    /// What was answered with 201.
    acknowledged: BTreeMap<EntryId, Value>,
    /// What was answered with 503 and not sent again: in the log or not, but not twice.
    perhaps: BTreeSet<String>,
    /// What a read has shown.
    shown: BTreeMap<EntryId, Value>,
}

fn path(case: usize) -> String {
    format!("/api/v1/kyc/cases/{case}/audit-log")
}

fn text(row: &Value) -> String {
    row["new_value"].as_str().unwrap().to_owned()
}

impl<'a> Cases<'a> {
    pub(in crate::hostile) fn of(world: &'a World, org: &str, key: String) -> Self {
        let (acknowledged, shown) = (BTreeMap::new(), BTreeMap::new());
        Self { world, org: org.to_owned(), key, acknowledged, perhaps: BTreeSet::new(), shown }
    }

    pub(in crate::hostile) async fn work(mut self, rounds: usize) -> Self {
        for round in 0..rounds {
            let case = 1 + round % CASES;
            let texts: Vec<String> = (0..=round % 3).map(|n| format!("{} {round} {n}", self.org)).collect();
            if round % 4 == 3 {
                self.append_once(case, &texts).await;
            } else {
                self.append(case, &texts).await;
            }
            self.read(case).await;
        }
        self
    }

    /// With an `Idempotency-Key`: until it is acknowledged, and once more.
    async fn append(&mut self, case: usize, texts: &[String]) {
        let (body, name) = (body(texts), Uuid::new_v4().to_string());
        let headers =
            [("x-api-key", self.key.as_str()), ("content-type", "application/json"), ("idempotency-key", &name)];
        let (answer, _) = self.world.send("POST", &path(case), &headers, Some(&body)).await;
        let (again, _) = self.world.send("POST", &path(case), &headers, Some(&body)).await;
        assert_eq!((again.status, again.text()), (201, answer.text()));
        self.acknowledge(case, texts, &answer.json());
    }

    /// Without: what was answered with 503 may not be sent again.
    async fn append_once(&mut self, case: usize, texts: &[String]) {
        let (path, body) = (path(case), body(texts));
        let send = self.world.system.call_with_key(&self.key, "POST", &path, Some(&body));
        let answer = self.world.ask(Credential::ApiKey, send).await;
        if is_busy(&answer) {
            self.perhaps.extend(texts.iter().cloned());
        } else {
            assert_eq!(answer.status, 201, "{}", answer.text());
            self.acknowledge(case, texts, &answer.json());
        }
    }

    fn acknowledge(&mut self, case: usize, texts: &[String], body: &Value) {
        let rows = body["data"].as_array().unwrap();
        assert_eq!(rows.iter().map(text).collect::<Vec<_>>(), texts);
        for row in rows {
            let known = self.acknowledged.insert((case, row["id"].as_u64().unwrap()), row.clone());
            assert_eq!(known, None, "an id given twice");
        }
    }

    /// The newest entries: the last that was acknowledged is among them.
    async fn read(&mut self, case: usize) {
        let headers = [("x-api-key", self.key.as_str())];
        let (page, _) = self.world.send("GET", &(path(case) + "?page_size=20"), &headers, None).await;
        assert_eq!(page.status, 200, "{}", page.text());
        let page = page.json();
        let acknowledged = self.acknowledged.range((case, 0)..(case + 1, 0));
        let last = acknowledged.clone().next_back().map(|(_, row)| row);
        let rows = page["data"].as_array().unwrap();
        assert!(last.is_none_or(|last| rows.contains(last)), "{last:?} is not in {page}");
        let (least, most) = (acknowledged.count(), self.acknowledged.len() + self.perhaps.len());
        let total = usize::try_from(page["pagination"]["total_count"].as_u64().unwrap()).unwrap();
        assert!((least..=most).contains(&total), "{total}");
        let path = format!("/api/v1/kyc/cases/{case}/status-history");
        let (statuses, _) = self.world.send("GET", &path, &headers, None).await;
        assert_eq!(statuses.status, 200, "{}", statuses.text());
        for row in rows {
            self.show(case, row);
        }
    }

    /// What was shown once is shown so for ever, and is what was sent.
    fn show(&mut self, case: usize, row: &Value) {
        let id = (case, row["id"].as_u64().unwrap());
        match self.acknowledged.get(&id) {
            Some(known) => assert_eq!(row, known),
            None => assert!(self.perhaps.contains(&text(row)), "nobody sent {row}"),
        }
        let before = self.shown.insert(id, row.clone());
        assert!(before.is_none_or(|before| before == *row));
    }

    /// Holds log and export against the notes. Answers how many entries there are.
    pub(in crate::hostile) async fn check(mut self, lines: &[Value]) -> usize {
        let mut log = BTreeMap::new();
        for case in 1..=CASES {
            log.extend(self.whole(case).await.into_iter().map(|row| ((case, row["id"].as_u64().unwrap()), row)));
        }
        for (id, row) in &log {
            self.show(id.0, row);
        }
        assert!(self.acknowledged.keys().all(|id| log.contains_key(id)), "lost");
        assert_eq!(self.shown.keys().collect::<Vec<_>>(), log.keys().collect::<Vec<_>>(), "shown and gone");
        let texts: BTreeSet<String> = log.values().map(text).collect();
        assert_eq!(texts.len(), log.len(), "an entry is in the log twice");
        let exported: Vec<(EntryId, String)> = of_type(lines, "kyc-case").map(exported).collect();
        let expected: BTreeMap<EntryId, String> = log.iter().map(|(id, row)| (*id, text(row))).collect();
        assert_eq!(exported.len(), expected.len(), "lost or doubled in the export");
        assert_eq!(exported.into_iter().collect::<BTreeMap<_, _>>(), expected);
        log.len()
    }

    async fn whole(&self, case: usize) -> Vec<Value> {
        let (mut rows, mut page) = (Vec::new(), 1);
        loop {
            let path = format!("{}?page_size=50&page={page}", path(case));
            let answer = self.world.system.call_with_key(&self.key, "GET", &path, None).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let body = answer.json();
            rows.extend(body["data"].as_array().unwrap().clone());
            if body["pagination"]["has_more"] == false {
                assert_eq!(body["pagination"]["total_count"], rows.len());
                return rows;
            }
            page += 1;
        }
    }
}

fn body(texts: &[String]) -> Value {
    let entry =
        |text| json!({"user": "Anna Jensen", "entity_type": "kyc_answer", "action": "SAVED", "new_value": text});
    json!({"entries": texts.iter().map(entry).collect::<Vec<_>>()})
}

fn exported(line: &Value) -> (EntryId, String) {
    let case = line["entityId"].as_str().unwrap().parse().unwrap();
    ((case, line["data"]["id"].as_u64().unwrap()), line["data"]["newValue"].as_str().unwrap().to_owned())
}
